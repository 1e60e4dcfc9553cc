/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples;

import ai.djl.ModelException;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.translator.TextStream;
import java.io.IOException;

/**
 * Prints a text while it is generated.
 *
 * <pre>examples/mistral --run StreamingExample "What is a fox?"</pre>
 */
public final class StreamingExample {

    private StreamingExample() {}

    /**
     * Runs the example.
     *
     * @param arguments optional: the user message
     */
    public static void main(String[] arguments)
            throws IOException, ModelException, TranslateException {
        String question = arguments.length > 0 ? arguments[0] : "What is a fox?";
        try (ZooModel<String, String> model =
                        Mistral.criteria(String.class, String.class).build().loadModel();
                Predictor<String, String> predictor = model.newPredictor();
                // closing a stream early cancels the generation and frees its memory
                TextStream<String> pieces = TextStream.of(predictor.streamingPredict(question))) {
            while (pieces.hasNext()) {
                System.out.print(pieces.next());
                System.out.flush();
            }
            System.out.println();
        }
    }
}
