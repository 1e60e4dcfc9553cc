/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.Model;
import ai.djl.modality.Classifications;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.zoo.tokenizer.EncodedText;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Classifies texts. */
final class ClassificationTranslator extends HeadTranslator<String, Classifications> {

    ClassificationTranslator(Model model, Map<String, ?> arguments) throws IOException {
        super(model, MistralForSequenceClassification.class, arguments);
    }

    @Override
    EncodedText encode(String text) {
        return encode(text, "text");
    }

    /** Without a padding token, the network takes single rows only. */
    @Override
    boolean batches() {
        return network().config().padTokenId() != null;
    }

    /**
     * Converts logits to probabilities as the reference's {@code TextClassificationPipeline}:
     * softmax; the logistic function for one label or independent labels; none for a regression.
     */
    @Override
    Classifications output(String input, EncodedText text, float[] logits) {
        LabelConfig labels = network().config().labels();
        ProblemType type = labels.problemType();
        List<Double> values = new ArrayList<>();
        if (type == ProblemType.REGRESSION) {
            for (float logit : logits) {
                values.add((double) logit);
            }
        } else if (type == ProblemType.MULTI_LABEL_CLASSIFICATION || logits.length == 1) {
            for (float logit : logits) {
                values.add(1 / (1 + Math.exp(-logit)));
            }
        } else {
            Arrays.stream(softmax(logits, 0, logits.length)).forEach(values::add);
        }
        return new Classifications(labels.names(), values);
    }
}
