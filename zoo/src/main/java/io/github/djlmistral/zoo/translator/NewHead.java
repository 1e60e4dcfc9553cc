/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import java.math.BigDecimal;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A head that the model arguments ask for: {@code head}, an architecture such as {@code
 * MistralForSequenceClassification}; {@code labels}, a list of names or a string of names separated
 * by commas; optionally {@code problem_type}, and {@code pad_token_id}, without which a sequence
 * classifier takes single rows only.
 *
 * @param architecture the class of the network
 * @param labels the classes; null for question answering
 * @param padTokenId the id of the padding token; null for that of the checkpoint
 */
public record NewHead(
        String architecture, @Nullable LabelConfig labels, @Nullable Integer padTokenId) {

    private static final String ANSWERS = "MistralForQuestionAnswering";
    private static final List<String> ARCHITECTURES =
            List.of("MistralForSequenceClassification", "MistralForTokenClassification", ANSWERS);

    /**
     * Reads the arguments.
     *
     * @param arguments the model arguments
     * @return the head; empty if they ask for none
     * @throws IllegalArgumentException if they do not fit together
     */
    public static Optional<NewHead> of(Map<String, ?> arguments) {
        Optional<Object> head = ModelArguments.value(arguments, "head");
        Optional<Object> labels = ModelArguments.value(arguments, "labels");
        Optional<Object> type = ModelArguments.value(arguments, "problem_type");
        if (head.isEmpty()) {
            if (labels.isPresent() || type.isPresent()) {
                throw new IllegalArgumentException(
                        "labels and problem_type are those of a new head: give head as well, one of "
                                + ARCHITECTURES);
            }
            return Optional.empty();
        }
        String architecture = head.get().toString();
        if (!ARCHITECTURES.contains(architecture)) {
            throw new IllegalArgumentException(
                    "head is \"" + architecture + "\", must be one of " + ARCHITECTURES);
        }
        boolean classifies = !architecture.equals(ANSWERS);
        if (classifies != labels.isPresent()) {
            throw new IllegalArgumentException(
                    architecture
                            + (classifies
                                    ? " needs labels: give the names of its classes"
                                    : " has no labels: leave them out"));
        }
        return Optional.of(
                new NewHead(
                        architecture,
                        classifies
                                ? new LabelConfig(
                                        names(labels.get()),
                                        type.map(name -> ProblemType.of(name + "")).orElse(null))
                                : null,
                        ModelArguments.value(arguments, "pad_token_id")
                                .map(id -> new BigDecimal(id.toString()).intValueExact())
                                .orElse(null)));
    }

    /**
     * Returns whether a checkpoint has such a head.
     *
     * @param checkpoint the checkpoint
     */
    public static boolean isIn(MistralCheckpoint checkpoint) {
        String architecture = checkpoint.config().architecture();
        return architecture != null && ARCHITECTURES.contains(architecture);
    }

    private static List<String> names(Object labels) {
        List<String> names =
                labels instanceof List<?> list
                        ? list.stream().map(Object::toString).toList()
                        : Arrays.stream(labels.toString().split(",", -1))
                                .map(String::strip)
                                .toList();
        if (names.contains("") || new HashSet<>(names).size() < names.size()) {
            throw new IllegalArgumentException(
                    "labels are " + names + ": give each class a name of its own");
        }
        return names;
    }

    /**
     * Adds the head to a checkpoint.
     *
     * @param base a checkpoint without such a head
     * @param manager see {@link MistralCheckpoint#withNewHead}
     * @return the checkpoint with the head
     * @throws IllegalArgumentException if the checkpoint has one already
     */
    public MistralCheckpoint addTo(MistralCheckpoint base, NDManager manager) {
        MistralCheckpoint result =
                base.withNewHead(
                        architecture, labels == null ? LabelConfig.DEFAULT : labels, manager);
        return padTokenId == null
                ? result
                : new MistralCheckpoint(
                        result.config().toBuilder().padTokenId(padTokenId).build(),
                        result.weights());
    }
}
