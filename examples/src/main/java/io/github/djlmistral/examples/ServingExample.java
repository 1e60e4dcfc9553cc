/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples;

import ai.djl.ModelException;
import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;

/**
 * JSON in, JSON out: the types of DJL Serving, as in the body of an HTTP request. This one is
 * OpenAI's; {@code {"inputs": .., "parameters": ..}} is LMI's.
 *
 * <pre>examples/mistral --run ServingExample</pre>
 */
public final class ServingExample {

    private ServingExample() {}

    /**
     * Runs the example.
     *
     * @param arguments optional: the request as JSON
     */
    public static void main(String[] arguments)
            throws IOException, ModelException, TranslateException {
        String request =
                """
                {"messages": [{"role": "user", "content": "What is a lighthouse?"}],
                 "max_tokens": 40}""";
        try (ZooModel<Input, Output> model =
                        Mistral.criteria(Input.class, Output.class).build().loadModel();
                Predictor<Input, Output> predictor = model.newPredictor()) {
            Input input = new Input();
            input.add(arguments.length > 0 ? arguments[0] : request);
            System.out.println(predictor.predict(input).getAsString(0));
        }
    }
}
