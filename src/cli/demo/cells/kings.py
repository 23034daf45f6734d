def run(kings: list[str]) -> list[str]:
    """Sort kings and popes by name and then by the number behind it.

    Args:
        kings: Names such as "Louis XIV".
    """
    return sorted(kings, key=lambda king: (king.split()[0], skills.roman_to_int(king.split()[-1])))

run(["Louis XIV", "Louis IX", "Louis V", "Charles X"])
