/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.Model;
import ai.djl.modality.nlp.translator.NamedEntity;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.zoo.tokenizer.EncodedText;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Finds the named entities of a text, with the aggregation strategies of the reference's {@code
 * TokenClassificationPipeline}. Entities of the class {@code O} are omitted.
 */
final class TokenClassificationTranslator extends HeadTranslator<String, NamedEntity[]> {

    /** The class of what is no entity. */
    private static final String OUTSIDE = "O";

    private final AggregationStrategy strategy;

    TokenClassificationTranslator(Model model, Map<String, ?> arguments) throws IOException {
        super(model, MistralForTokenClassification.class, arguments);
        strategy = ModelArguments.aggregationStrategy(arguments);
    }

    @Override
    EncodedText encode(String text) {
        return encode(text, "text");
    }

    /**
     * Consecutive tokens with one label.
     *
     * @param token the index of the first
     */
    private record Unit(String label, double score, int token, int start, int end) {

        /** Returns the label without the prefix {@code B-} or {@code I-}. */
        String tag() {
            return label.startsWith("B-") || label.startsWith("I-") ? label.substring(2) : label;
        }

        boolean continues(Unit previous) {
            return !label.startsWith("B-") && tag().equals(previous.tag());
        }
    }

    @Override
    NamedEntity[] output(String input, EncodedText text, float[] logits) {
        int tokens = text.ids().length;
        int classes = logits.length / tokens;
        List<Unit> units = new ArrayList<>();
        List<double[]> scores = new ArrayList<>();
        for (int t = 0, from = 0; t <= tokens; ++t) {
            if (t == tokens || text.isSpecial(t) || strategy.begins(input, text, t)) {
                if (!scores.isEmpty()) {
                    units.add(unit(text, from, scores));
                    scores.clear();
                }
                from = t;
            }
            if (t < tokens && !text.isSpecial(t)) {
                scores.add(softmax(logits, t * classes, (t + 1) * classes));
            }
        }
        return strategy == AggregationStrategy.NONE
                ? units.stream()
                        .filter(unit -> !unit.label.equals(OUTSIDE))
                        .map(unit -> entity(unit, tokenizer().token(text.ids()[unit.token])))
                        .toArray(NamedEntity[]::new)
                : grouped(input, units);
    }

    private Unit unit(EncodedText text, int from, List<double[]> scores) {
        double[] all = strategy.combine(scores);
        int best = AggregationStrategy.argMax(all);
        return new Unit(
                network().config().labels().names().get(best),
                all[best],
                from,
                text.starts()[from],
                text.ends()[from + scores.size() - 1]);
    }

    private static NamedEntity entity(Unit unit, String word) {
        return new NamedEntity(
                unit.label, (float) unit.score, unit.token, word, unit.start, unit.end);
    }

    /** Joins units of one entity: a unit with the prefix {@code B-} begins another. */
    private static NamedEntity[] grouped(String input, List<Unit> units) {
        List<NamedEntity> entities = new ArrayList<>();
        for (int i = 0, from = 0; i < units.size(); ++i) {
            if (i + 1 < units.size() && units.get(i + 1).continues(units.get(i))) {
                continue;
            }
            Unit first = units.get(from);
            double mean =
                    units.subList(from, i + 1).stream()
                            .mapToDouble(Unit::score)
                            .average()
                            .orElseThrow();
            from = i + 1;
            // tokens contain the space before a word
            int start = first.start;
            int end = units.get(i).end;
            while (start < end && Character.isWhitespace(input.charAt(start))) {
                ++start;
            }
            while (start < end && Character.isWhitespace(input.charAt(end - 1))) {
                --end;
            }
            if (start < end && !first.label.equals(OUTSIDE)) {
                String type = first.label.substring(first.label.indexOf('-') + 1);
                entities.add(
                        entity(
                                new Unit(type, mean, first.token, start, end),
                                input.substring(start, end)));
            }
        }
        return entities.toArray(NamedEntity[]::new);
    }
}
