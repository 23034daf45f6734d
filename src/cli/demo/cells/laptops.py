laptops = [
    {"name": "A", "price": 1000, "cpu": 9000, "battery": 9},
    {"name": "B", "price": 800, "cpu": 8700, "battery": 8},
    {"name": "C", "price": 1200, "cpu": 9600, "battery": 10},
]
for laptop in laptops:
    laptop["score"] = laptop["cpu"] * laptop["battery"] / laptop["price"]
    print(f"{laptop['name']}: {laptop['score']:.1f}")

best = max(laptops, key=lambda laptop: laptop["score"])
(best["name"], best["score"])
