/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples;

import ai.djl.ModelException;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;

/**
 * Text in, text out, with the embedded model: no download, no files.
 *
 * <pre>examples/mistral --run TextToText "What is a lighthouse?"</pre>
 */
public final class TextToText {

    private TextToText() {}

    /**
     * Runs the example.
     *
     * @param arguments optional: the user message
     */
    public static void main(String[] arguments)
            throws IOException, ModelException, TranslateException {
        String question = arguments.length > 0 ? arguments[0] : "What is a lighthouse?";
        try (ZooModel<String, String> model =
                        Mistral.criteria(String.class, String.class)
                                .optArgument("max_new_tokens", 60)
                                .build()
                                .loadModel();
                Predictor<String, String> predictor = model.newPredictor()) {
            System.out.println(predictor.predict(question));
        }
    }
}
