sum(laptop["score"] for laptop in laptpos)
