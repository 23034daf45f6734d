"""What comes back of an artifact, for a table of values."""

from tests.python.fidelity import EQUAL, NOTED, REFUSED, SETUP
from tests.python.session import SessionTest, run


class Fidelity(SessionTest):
    def check_rows(self, function, rows):
        last = run(SETUP, f"tried({function}, {rows!r})").last
        self.assertIsNone(last["error"])
        self.assertEqual(last["value"]["repr"], "[]")

    def test_values_come_back_equal(self):
        rows = [(line,) for line in EQUAL.strip().split("\n")]
        self.assertGreater(len(rows), 150)
        self.check_rows("equal", rows)

    def test_what_comes_back_as_another_says_so(self):
        self.check_rows("noted", NOTED)

    def test_what_cannot_come_back_is_refused(self):
        self.check_rows("refused", REFUSED)
