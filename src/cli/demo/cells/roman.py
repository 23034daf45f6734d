def run(text: str) -> int:
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[letter] for letter in text.upper()]
    return sum(-one if one < after else one for one, after in zip(values, values[1:] + [0]))

run("MMXXVI")
