"""What the Learn panel says, in the language that was chosen.

A key is "step.what". Words of a step, and those of "common", go to the browser as they are, with
placeholders in braces that it fills in itself.
"""

from explorer.lessons import chinese, english

LANGUAGES = {"en": "English", "zh": "中文"}
WORDS = {"en": english.WORDS, "zh": chinese.WORDS}


def said(language: str, key: str, **values: object) -> str:
    """A sentence with its placeholders filled in."""
    return WORDS[language][key].format(**values)


def for_browser(language: str, step: str, **values: str) -> dict[str, str]:
    """The words of a step without its name in their keys; `values` are filled in already."""
    found = {}
    for key, text in WORDS[language].items():
        of, _, what = key.partition(".")
        if of in (step, "common"):
            for name, value in values.items():
                text = text.replace(f"{{{name}}}", value)
            found[what] = text
    return found


def noun(language: str, english_noun: str) -> str:
    """What one picture is called; a noun that nobody has translated is an image."""
    words = WORDS[language]
    return words.get(f"noun.{english_noun}", words["noun.image"])


def tasks(step: str) -> list[str]:
    """The tasks of a step, in their order."""
    start = f"{step}.task."
    return [key.removeprefix(start) for key in english.WORDS if key.startswith(start)]
