/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.RenderResult;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import java.io.FileNotFoundException;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A Jinja program, run by jinjava as Hugging Face transformers runs it by Jinja2: {@code
 * trim_blocks}, {@code lstrip_blocks}, no autoescape, {@code raise_exception}, {@code
 * strftime_now}, and confined.
 *
 * <p>What jinjava does not know is an error: steps in slices, {@code for ... if}, methods of
 * Python's strings other than {@code strip} and {@code split}. One difference is silent: {@code
 * None} prints as nothing.
 */
final class JinjaTemplate {

    private static final long MAX_OUTPUT = 64L << 20;

    private static final Jinjava JINJAVA = jinjava();

    private static final Pattern LOOP = Pattern.compile("(?s)\\{%[-+]?\\s*for\\s.*?%}");

    private static final Pattern CONDITION = Pattern.compile("\\sif\\s");
    private static final Pattern ALTERNATIVE = Pattern.compile("\\selse\\s");

    private final String source;

    JinjaTemplate(String source) {
        // Jinja2 drops one line feed at the end of a template; jinjava at the end of the output.
        this.source = source.endsWith("\n") ? source.substring(0, source.length() - 1) : source;
    }

    private static Jinjava jinjava() {
        LegacyOverrides likeJinja2 =
                LegacyOverrides.newBuilder()
                        .withEvaluateMapKeys(true)
                        .withIterateOverMapKeys(true)
                        .withUsePyishObjectMapper(true)
                        .withUseNaturalOperatorPrecedence(true)
                        .withParseWhitespaceControlStrictly(true)
                        .withAllowAdjacentTextNodes(true)
                        .withUseTrimmingForNotesAndExpressions(true)
                        .withKeepNullableLoopValues(true)
                        .withHandleBackslashInQuotesOnly(true)
                        .build();
        Jinjava jinjava =
                new Jinjava(
                        JinjavaConfig.newBuilder()
                                .withTrimBlocks(true)
                                .withLstripBlocks(true)
                                .withKeepTrailingNewline(true)
                                .withNestedInterpretationEnabled(false) // messages are no templates
                                .withMaxOutputSize(MAX_OUTPUT)
                                .withLegacyOverrides(likeJinja2)
                                .withInterperterFactory(PythonInterpreter.FACTORY)
                                .withDisabled(
                                        Map.of(
                                                Library.TAG,
                                                Set.of("extends", "from", "import", "include")))
                                .build());
        jinjava.setResourceLocator(
                (name, encoding, interpreter) -> {
                    throw new FileNotFoundException("a chat template cannot read " + name);
                });
        jinjava.getGlobalContext().registerFunction(function("raise_exception", "raiseException"));
        jinjava.getGlobalContext().registerFunction(function("strftime_now", "strftimeNow"));
        jinjava.registerFilter(new ToJson());
        jinjava.registerFilter(new Trim());
        return jinjava;
    }

    private static ELFunctionDefinition function(String name, String method) {
        return new ELFunctionDefinition("", name, JinjaTemplate.class, method, String.class);
    }

    /** What {@code raise_exception} throws: the template refuses its input. */
    private static final class RefusedException extends RuntimeException {

        private static final long serialVersionUID = 1;

        RefusedException(String message) {
            super(message);
        }
    }

    /** Called by templates. */
    static String raiseException(String message) {
        throw new RefusedException(message);
    }

    /** Called by templates. */
    static String strftimeNow(String format) {
        return Strftime.format(ZonedDateTime.now(ZoneId.systemDefault()), format);
    }

    /**
     * Runs the program.
     *
     * @throws IllegalArgumentException if it raises an exception, with that message; or if it fails
     */
    String render(Map<String, ?> variables) {
        rejectFilteredLoops();
        RenderResult result = JINJAVA.renderForResult(source, variables);
        TemplateError fault = null;
        for (TemplateError error : result.getErrors()) {
            RefusedException refused = refusal(error.getException());
            if (refused != null) {
                throw new IllegalArgumentException(refused.getMessage(), refused);
            }
            if (fault == null && error.getSeverity() == TemplateError.ErrorType.FATAL) {
                fault = error;
            }
        }
        if (fault != null) {
            throw new IllegalArgumentException(
                    "the chat template fails in line "
                            + fault.getLineno()
                            + ": "
                            + fault.getMessage(),
                    fault.getException());
        }
        return result.getOutput();
    }

    /** Jinjava would silently loop over something else. */
    private void rejectFilteredLoops() {
        Matcher loop = LOOP.matcher(source);
        while (loop.find()) {
            String tag = loop.group();
            if (CONDITION.matcher(tag).find() && !ALTERNATIVE.matcher(tag).find()) {
                throw new IllegalArgumentException(
                        "the chat template fails: '"
                                + tag
                                + "' is not supported; put an 'if' inside of the loop");
            }
        }
    }

    private static @Nullable RefusedException refusal(@Nullable Throwable cause) {
        for (Throwable t = cause; t != null; t = t.getCause()) {
            if (t instanceof RefusedException refused) {
                return refused;
            }
        }
        return null;
    }
}
