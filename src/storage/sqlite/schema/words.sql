-- What a search in memory needs of each living skill at its newest version: its words, packed by the host, and the name of its
-- content. `edition` says in which way they were made; those of another way are made anew.
CREATE TABLE skill_bags (
    skill INTEGER PRIMARY KEY REFERENCES skills (id),
    version INTEGER NOT NULL,
    edition INTEGER NOT NULL,
    content BLOB NOT NULL,
    bag BLOB NOT NULL
) STRICT;

-- The host has put spaces between the words; nothing else in them is looked at. They are put in anew with the bags.
DROP TABLE skill_vocabulary;
DROP TABLE skill_words;
CREATE VIRTUAL TABLE skill_words USING fts5 (
    name, about, parameters, source,
    content = '', contentless_delete = 1,
    tokenize = "ascii tokenchars '_'"
);
CREATE VIRTUAL TABLE skill_vocabulary USING fts5vocab (skill_words, row);
