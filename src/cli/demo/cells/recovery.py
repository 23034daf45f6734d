sum(laptop["score"] for laptop in laptops)
