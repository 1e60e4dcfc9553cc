/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The networks that {@code architectures} of a checkpoint can name, and their heads. */
enum Architecture {
    MODEL("MistralModel", "", false),
    CAUSAL_LM("MistralForCausalLM", "lm_head", false),
    QUESTION_ANSWERING("MistralForQuestionAnswering", "qa_outputs", true),
    SEQUENCE_CLASSIFICATION("MistralForSequenceClassification", "score", false),
    TOKEN_CLASSIFICATION("MistralForTokenClassification", "score", true);

    private final String className;
    private final String head;
    private final boolean biased;

    Architecture(String className, String head, boolean biased) {
        this.className = className;
        this.head = head;
        this.biased = biased;
    }

    /** Returns the architecture of a class of the reference; null if it is none of these. */
    static @Nullable Architecture of(@Nullable String className) {
        return Arrays.stream(values())
                .filter(architecture -> architecture.className.equals(className))
                .findFirst()
                .orElse(null);
    }

    /** As {@link #of}, {@link #CAUSAL_LM} if it is none of these. */
    static Architecture orCausalLm(@Nullable String className) {
        Architecture known = of(className);
        return known == null ? CAUSAL_LM : known;
    }

    /** Returns the architectures whose head can be added to a base checkpoint. */
    static List<Architecture> withNewHead() {
        return Arrays.stream(values()).filter(architecture -> !architecture.isBase()).toList();
    }

    /** Returns whether checkpoints of it are what heads are added to. */
    boolean isBase() {
        return this == MODEL || this == CAUSAL_LM;
    }

    /** Returns the name of the head in checkpoints; empty if there is none. */
    String head() {
        return head;
    }

    /** Returns whether the head has a bias. */
    boolean biased() {
        return biased;
    }

    /** Returns the number of outputs of the head. */
    int outputs(MistralConfig config) {
        return switch (this) {
            case MODEL -> 0;
            case CAUSAL_LM -> config.vocabSize();
            case QUESTION_ANSWERING -> 2;
            case SEQUENCE_CLASSIFICATION, TOKEN_CLASSIFICATION -> config.labels().size();
        };
    }

    /**
     * Requires that a checkpoint can be loaded as this architecture.
     *
     * @param className the class that its configuration names, or null
     * @param source the checkpoint for messages
     * @throws MalformedModelException if it is another architecture
     */
    void requireStored(@Nullable String className, String source) throws MalformedModelException {
        Architecture stored = of(className);
        if (stored != null && stored != this) {
            throw new MalformedModelException(
                    "the checkpoint in "
                            + source
                            + " is a "
                            + stored
                            + ", not a "
                            + this
                            + ": choose another checkpoint, or load it as a "
                            + stored
                            + (stored.isBase() && !isBase()
                                    ? ", or, to train a new head, add one with"
                                            + " MistralCheckpoint.withNewHead or the model argument"
                                            + " head"
                                    : ""));
        }
    }

    /** Returns the name of the class. */
    @Override
    public String toString() {
        return className;
    }
}
