/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** Questions about words that the embedded model has learned, in wordings that it has learned. */
final class Words {

    private static final List<String> WORDINGS =
            List.of(
                    "Define %s.",
                    "What does the word %s mean?",
                    "Define the word %s.",
                    "What does %s mean?",
                    "Explain %s.",
                    "Explain the word %s.",
                    "What is %s?",
                    "What is the meaning of %s?",
                    "What is the definition of %s?",
                    "Please define %s.",
                    "%s?",
                    "What is another word for %s?",
                    "Give me a synonym of %s.",
                    "Name a synonym for %s.",
                    "What are synonyms of %s?",
                    "Another word for %s?",
                    "Which words mean the same as %s?",
                    "What kind of thing is %s?");

    private Words() {}

    /** Returns a new list of different questions, always the same. */
    static List<String> questions(int count) {
        List<String> words = words();
        List<String> questions = new ArrayList<>();
        for (String wording : WORDINGS) {
            for (String word : words) {
                if (questions.size() < count) {
                    questions.add(wording.replace("%s", word));
                }
            }
        }
        if (questions.size() < count) {
            throw new IllegalArgumentException(
                    "there are " + questions.size() + " questions, fewer than " + count);
        }
        return questions;
    }

    private static List<String> words() {
        try (InputStream in = Words.class.getResourceAsStream("/words.txt")) {
            byte[] bytes = Objects.requireNonNull(in, "words.txt").readAllBytes();
            return new String(bytes, StandardCharsets.UTF_8).lines().toList();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
