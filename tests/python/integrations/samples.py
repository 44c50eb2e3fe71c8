"""Three texts, and a question that one of them answers."""

TEXTS = ["Cats like to sleep in the sun.", "The central bank raised its rates.", "Knead the dough for ten minutes."]
QUERY, ANSWER = "how do I bake bread?", TEXTS[2]
