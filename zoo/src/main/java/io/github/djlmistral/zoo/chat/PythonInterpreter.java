/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.InterpreterFactory;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import org.jspecify.annotations.Nullable;

/** Prints truth values as Python does, {@code True} and {@code False}. */
final class PythonInterpreter extends JinjavaInterpreter {

    /** Makes these interpreters. */
    static final InterpreterFactory FACTORY =
            new InterpreterFactory() {
                @Override
                public JinjavaInterpreter newInstance(JinjavaInterpreter original) {
                    return new PythonInterpreter(original);
                }

                @Override
                public JinjavaInterpreter newInstance(
                        Jinjava jinjava, Context context, JinjavaConfig config) {
                    return new PythonInterpreter(jinjava, context, config);
                }
            };

    private PythonInterpreter(JinjavaInterpreter original) {
        super(original);
    }

    private PythonInterpreter(Jinjava jinjava, Context context, JinjavaConfig config) {
        super(jinjava, context, config);
    }

    @Override
    public String getAsString(@Nullable Object value) {
        if (value instanceof Boolean flag) {
            return flag ? "True" : "False";
        }
        return super.getAsString(value);
    }
}
