/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static io.github.djlmistral.engine.constraint.Expression.UNBOUNDED;
import static io.github.djlmistral.engine.constraint.Expression.literal;
import static io.github.djlmistral.engine.constraint.Expression.optional;
import static io.github.djlmistral.engine.constraint.Expression.regex;
import static io.github.djlmistral.engine.constraint.Expression.repeat;
import static io.github.djlmistral.engine.constraint.Expression.rule;
import static io.github.djlmistral.engine.constraint.Expression.sequence;

import io.github.djlmistral.engine.constraint.Expression;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.JsonSchema;
import io.github.djlmistral.engine.constraint.RegularExpression;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Writes the grammar of the JSON texts of a schema: a rule for each conjunction of schemas that a
 * value somewhere must satisfy.
 *
 * <p>Names of properties and strings of {@code enum} and {@code const} are written in one way, with
 * the short escapes; other strings in all ways of JSON.
 */
public final class SchemaGrammar {

    private final SchemaReader reader;
    private final Function<Regex, RegularExpression> expressions;
    private final int deepest;

    // separators with the white space around them
    final Expression comma;
    private final Expression colon;
    private final String space;

    private final Map<String, Expression> rules = new LinkedHashMap<>();
    private final Deque<Runnable> pending = new ArrayDeque<>();
    private final Map<NumberRange, Expression> numbers = new HashMap<>();

    private SchemaGrammar(
            SchemaReader reader,
            Function<Regex, RegularExpression> expressions,
            JsonSchema writing) {
        this.reader = reader;
        this.expressions = expressions;
        deepest = writing.depth() == 0 ? -1 : writing.depth();
        int most = writing.whitespace();
        space = most == 0 ? "" : "[ \\n\\r\\t]{0," + most + "}";
        String behind = writing.spaced() ? " " : space;
        comma = punctuation(space + "," + behind);
        colon = punctuation(space + ":" + behind);
    }

    /**
     * Compiles a schema.
     *
     * @param schema JSON Schema, draft 2020-12
     * @param writing how the texts are written
     * @param expressions makes terminals
     * @return the grammar of the texts
     * @throws IllegalArgumentException if the schema is wrong, has a keyword that cannot be
     *     enforced, or no value satisfies it
     */
    public static Grammar of(
            String schema, JsonSchema writing, Function<Regex, RegularExpression> expressions) {
        SchemaDocument document = new SchemaDocument(schema);
        Set<String> overlapping = new HashSet<>();
        while (true) {
            SchemaReader reader = new SchemaReader(document, overlapping);
            Grammar grammar =
                    new SchemaGrammar(reader, expressions, writing)
                            .write(Conjunction.of(document.root()));
            if (!reader.findOverlapping()) {
                return grammar;
            }
        }
    }

    private Grammar write(Conjunction root) {
        Expression start = value(root, deepest);
        while (!pending.isEmpty()) {
            pending.remove().run();
        }
        Map<String, Expression> reduced = new Productive(rules).reduced();
        String name = ((Expression.Reference) start).rule();
        if (!reduced.containsKey(name)) {
            throw SchemaDocument.error("#", "no value satisfies the schema");
        }
        Grammar.Builder builder = Grammar.builder(name);
        reduced.forEach(builder::rule);
        return builder.build();
    }

    private static Expression punctuation(String pattern) {
        return pattern.length() == 1 ? literal(pattern) : regex(pattern);
    }

    /** A reference to the rule of a value. */
    Expression value(Conjunction schemas, int depth) {
        String name = depth < 0 ? schemas.name() : schemas.name() + " @" + depth;
        return later(name, () -> alternatives(schemas, name, depth));
    }

    Expression later(String name, Supplier<Expression> expression) {
        if (!rules.containsKey(name)) {
            rules.put(name, new Expression.Choice(List.of()));
            pending.add(() -> rules.put(name, expression.get()));
        }
        return rule(name);
    }

    private Expression alternatives(Conjunction schemas, String name, int depth) {
        List<Expression> options = new ArrayList<>();
        try {
            Values values = reader.values(schemas);
            if (values.isNull()) {
                options.add(literal("null"));
            }
            if (values.isTrue()) {
                options.add(literal("true"));
            }
            if (values.isFalse()) {
                options.add(literal("false"));
            }
            for (NumberRange range : values.numbers()) {
                if (!range.isEmpty()) {
                    options.add(number(range));
                }
            }
            if (!values.strings().isEmpty()) {
                options.add(string(values.strings()));
            }
            int index = 0;
            for (ArrayShape array : depth == 0 ? List.<ArrayShape>of() : values.arrays()) {
                options.add(array(array, name + " [" + index++, depth - 1));
            }
            for (ObjectShape object : depth == 0 ? List.<ObjectShape>of() : values.objects()) {
                options.add(new Members(object, name + " {" + index++, depth - 1).object());
            }
        } catch (SchemaException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw new SchemaException(schemas.name(), String.valueOf(e.getMessage()), e);
        }
        return new Expression.Choice(options);
    }

    Expression number(NumberRange range) {
        return numbers.computeIfAbsent(range, this::newNumber);
    }

    private Expression newNumber(NumberRange range) {
        return range.isAny()
                ? regex(NumberRange.ANY_PATTERN)
                : new AutomatonRules(range.automaton(), "number " + numbers.size(), rules::put)
                        .expression();
    }

    private Expression string(Text strings) {
        Set<String> literals = strings.literals();
        return literals != null
                ? new Expression.Choice(
                        literals.stream().<Expression>map(s -> literal(quoted(s))).toList())
                : regex(expressions.apply(JsonStrings.quoted(strings.regex())));
    }

    /** A JSON string with the short escapes where there are some, and others only if needed. */
    static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int escape = "\"\\\b\f\n\r\t".indexOf(c);
            if (escape >= 0) {
                json.append('\\').append("\"\\bfnrt".charAt(escape));
            } else if (c < ' ') {
                json.append("\\u00").append(c < 0x10 ? "0" : "").append(Integer.toHexString(c));
            } else {
                json.append(c);
            }
        }
        return json.append('"').toString();
    }

    private Expression array(ArrayShape array, String name, int depth) {
        List<Expression> options = new ArrayList<>();
        if (array.least() > array.most()) {
            return new Expression.Choice(options);
        }
        if (array.unique() != null && array.most() > 1) {
            if (!array.contains().isEmpty()) {
                throw SchemaDocument.error(
                        String.valueOf(array.unique()),
                        "the keyword cannot be enforced beside \"contains\"; remove one of them");
            }
            return inBrackets(new UniqueItems(this, reader, array, name).items());
        }
        if (!array.contains().isEmpty()) {
            return inBrackets(new CountedItems(this, array, name, depth).items());
        }
        if (array.least() == 0) {
            options.add(punctuation("\\[" + space + "\\]"));
        }
        if (array.most() > 0) {
            options.add(
                    sequence(
                            punctuation("\\[" + space),
                            value(array.item(0), depth),
                            behind(array, 1, depth),
                            punctuation(space + "\\]")));
        }
        return new Expression.Choice(options);
    }

    private Expression inBrackets(Expression items) {
        return sequence(punctuation("\\[" + space), items, punctuation(space + "\\]"));
    }

    /** The items from an index above 0. */
    private Expression behind(ArrayShape array, int index, int depth) {
        if (index >= array.most()) {
            return sequence();
        }
        if (index >= array.prefix().size()) {
            return repeat(
                    sequence(comma, value(array.rest(), depth)),
                    Math.max(0, array.least() - index),
                    array.most() == Integer.MAX_VALUE ? UNBOUNDED : array.most() - index);
        }
        Expression more =
                sequence(comma, value(array.item(index), depth), behind(array, index + 1, depth));
        return index >= array.least() ? optional(more) : more;
    }

    /** The properties of an object, in their order; whether one stands before decides on commas. */
    private final class Members {

        private final ObjectShape object;
        private final String rule;
        private final int depth;
        private final List<String> names;
        private final List<Expression> pairs = new ArrayList<>();
        private final Expression others;

        // to this number properties are counted; above, it does not matter how many there are
        private final int counted;
        private final int least;

        Members(ObjectShape object, String rule, int depth) {
            this.object = object;
            this.rule = rule;
            this.depth = depth;
            names = List.copyOf(object.properties().keySet());
            for (String name : names) {
                pairs.add(sequence(literal(quoted(name)), colon, value(object.value(name), depth)));
            }
            others = others();
            int required = object.required().size();
            least = object.least() <= required ? 0 : object.least();
            counted = Math.max(1, object.most() == Integer.MAX_VALUE ? least : object.most());
        }

        /** A property that is not known by name. */
        private Expression others() {
            Text known = Text.literals(object.properties().keySet());
            List<Expression> options = new ArrayList<>();
            for (ObjectShape.Names other : object.others()) {
                Text left = other.names().minus(known);
                boolean none =
                        left.isEmpty()
                                || new Emptiness(reader).isEmpty(reader.values(other.value()));
                if (!none) {
                    options.add(sequence(string(left), colon, value(other.value(), depth)));
                }
            }
            return new Expression.Choice(options);
        }

        Expression object() {
            return sequence(punctuation("\\{" + space), from(0, 0), punctuation(space + "\\}"));
        }

        /** The properties from an index, of which so many stand before. */
        private Expression from(int index, int count) {
            return later(rule + " " + index + " " + count, () -> members(index, count));
        }

        private Expression members(int index, int count) {
            if (index == names.size()) {
                return rest(count);
            }
            List<Expression> options = new ArrayList<>();
            if (count < object.most()) {
                Expression pair = pairs.get(index);
                Expression tail = from(index + 1, Math.min(count + 1, counted));
                options.add(count == 0 ? sequence(pair, tail) : sequence(comma, pair, tail));
            }
            if (!object.required().contains(names.get(index))) {
                options.add(from(index + 1, count));
            }
            return new Expression.Choice(options);
        }

        private Expression rest(int count) {
            int missing = Math.max(0, least - count);
            int most = object.most() == Integer.MAX_VALUE ? UNBOUNDED : object.most() - count;
            if (most < missing) {
                return new Expression.Choice(List.of());
            }
            if (missing > 1 && !((Expression.Choice) others).options().isEmpty()) {
                // the names could be the same, which a grammar cannot forbid
                throw SchemaDocument.error(
                        rule.replaceAll(" .*", ""),
                        "minProperties is supported only up to one more than are required, or"
                                + " without additionalProperties");
            }
            if (most == 0) {
                return sequence();
            }
            if (count > 0) {
                return repeat(sequence(comma, others), missing, most);
            }
            Expression some =
                    sequence(
                            others,
                            repeat(
                                    sequence(comma, others),
                                    Math.max(0, missing - 1),
                                    most == UNBOUNDED ? UNBOUNDED : most - 1));
            return missing == 0 ? optional(some) : some;
        }
    }
}
