/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import static io.github.djlmistral.engine.constraint.Expression.UNBOUNDED;
import static io.github.djlmistral.engine.constraint.Expression.anyOf;
import static io.github.djlmistral.engine.constraint.Expression.literal;
import static io.github.djlmistral.engine.constraint.Expression.optional;
import static io.github.djlmistral.engine.constraint.Expression.regex;
import static io.github.djlmistral.engine.constraint.Expression.repeat;
import static io.github.djlmistral.engine.constraint.Expression.rule;
import static io.github.djlmistral.engine.constraint.Expression.sequence;
import static io.github.djlmistral.engine.constraint.Expression.token;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import io.github.djlmistral.engine.constraint.Expression;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.JsonSchema;
import io.github.djlmistral.engine.constraint.ResponseFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The grammar of answers that may call tools. */
final class CallGrammar {

    private static final Gson GSON =
            new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

    private static final Map<String, @Nullable Object> NONE = Map.of("additionalProperties", false);

    private final CallSyntax syntax;
    private final List<Tool> tools;

    /**
     * Makes a grammar.
     *
     * @param syntax how calls are written
     * @param tools what may be called
     */
    CallGrammar(CallSyntax syntax, List<Tool> tools) {
        this.syntax = syntax;
        this.tools = tools;
    }

    Grammar grammar(ToolChoice choice, boolean parallel, ResponseFormat text) {
        Grammar.Builder grammar = Grammar.builder("answer");
        List<Expression> calls = new ArrayList<>();
        for (Tool tool : tools) {
            if (choice.function() == null || choice.function().equals(tool.name())) {
                calls.add(call(tool, grammar));
            }
        }
        if (calls.isEmpty()) {
            throw new IllegalArgumentException(
                    "tool_choice names the function \""
                            + choice.function()
                            + "\", the tools are "
                            + tools.stream().map(Tool::name).toList());
        }
        grammar.rule("call", new Expression.Choice(calls));
        int more = parallel ? UNBOUNDED : 0;
        grammar.rule(
                "calls",
                syntax.isList()
                        ? sequence(
                                token(syntax.callsToken()),
                                literal(syntax.space() + "["),
                                rule("call"),
                                repeat(sequence(literal(", "), rule("call")), 0, more),
                                literal("]"))
                        : sequence(rule("call"), repeat(rule("call"), 0, more)));
        return grammar.rule("answer", answer(choice, text, grammar)).build();
    }

    private static Expression answer(
            ToolChoice choice, ResponseFormat text, Grammar.Builder grammar) {
        if (choice.mode() == ToolChoice.Mode.REQUIRED) {
            return rule("calls");
        }
        return text.grammar()
                .map(format -> anyOf(grammar.include("text ", format), rule("calls")))
                .orElseGet(() -> sequence(regex("(?s:.*)"), optional(rule("calls"))));
    }

    private Expression call(Tool tool, Grammar.Builder grammar) {
        Map<String, @Nullable Object> schema =
                new LinkedHashMap<>(tool.parameters() == null ? NONE : tool.parameters());
        schema.putIfAbsent("type", "object");
        if (!"object".equals(schema.get("type"))) {
            throw fault(tool, "the type is not \"object\"", null);
        }
        Grammar arguments;
        try {
            arguments = JsonSchema.SPACED.grammar(GSON.toJson(schema));
        } catch (IllegalArgumentException e) {
            throw fault(tool, e.getMessage(), e);
        }
        Expression included = grammar.include(tool.name() + " ", arguments);
        return syntax.isList()
                ? sequence(
                        literal("{\"name\": \"" + tool.name() + "\", \"arguments\": "),
                        included,
                        literal("}"))
                : sequence(
                        token(syntax.callsToken()),
                        literal(syntax.space() + tool.name()),
                        token(syntax.argumentsToken()),
                        literal(syntax.argumentsSpace()),
                        included);
    }

    private static IllegalArgumentException fault(
            Tool tool, @Nullable String reason, @Nullable Exception cause) {
        return new IllegalArgumentException(
                "the parameters of the tool \"" + tool.name() + "\": " + reason, cause);
    }
}
