readings = [3, 1, 4, 1, 5, 9, 2, 6]


def mean(values):
    return sum(values) / len(values)
