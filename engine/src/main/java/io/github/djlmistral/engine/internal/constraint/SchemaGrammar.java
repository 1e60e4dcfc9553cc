/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static io.github.djlmistral.engine.constraint.Expression.UNBOUNDED;
import static io.github.djlmistral.engine.constraint.Expression.literal;
import static io.github.djlmistral.engine.constraint.Expression.optional;
import static io.github.djlmistral.engine.constraint.Expression.repeat;
import static io.github.djlmistral.engine.constraint.Expression.sequence;

import io.github.djlmistral.engine.constraint.Expression;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.RegularExpression;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;

/**
 * Writes the grammar of the JSON texts of a schema: a rule for each conjunction of schemas that a
 * value somewhere must satisfy.
 */
public final class SchemaGrammar {

    private final SchemaReader reader;
    private final SchemaRules rules;

    private SchemaGrammar(SchemaReader reader, SchemaRules rules) {
        this.reader = reader;
        this.rules = rules;
    }

    /**
     * Compiles a schema.
     *
     * @param schema JSON Schema, draft 2020-12
     * @param whitespace the longest white space between two tokens of JSON
     * @param depth the deepest nesting of arrays and objects, 0 for no limit
     * @param spaced whether one space stands behind each comma and colon
     * @param terminals makes terminals
     * @return the grammar of the texts
     * @throws IllegalArgumentException if the schema is wrong, has a keyword that cannot be
     *     enforced, or no value satisfies it
     */
    public static Grammar of(
            String schema,
            int whitespace,
            int depth,
            boolean spaced,
            Function<Regex, RegularExpression> terminals) {
        SchemaDocument document = new SchemaDocument(schema);
        Set<String> overlapping = new HashSet<>();
        while (true) {
            SchemaReader reader = new SchemaReader(document, overlapping);
            SchemaRules rules = new SchemaRules(terminals, whitespace, spaced);
            Grammar grammar = null;
            IllegalArgumentException error = null;
            try {
                grammar =
                        new SchemaGrammar(reader, rules)
                                .write(Conjunction.of(document.root()), depth == 0 ? -1 : depth);
            } catch (IllegalArgumentException e) {
                error = e;
            }
            // only if no oneOf was taken for disjoint that is not, what was found is so
            if (!reader.findOverlapping()) {
                if (grammar == null) {
                    throw Objects.requireNonNull(error);
                }
                return grammar;
            }
        }
    }

    private Grammar write(Conjunction root, int depth) {
        Expression start = value(root, depth);
        Map<String, Expression> reduced = new Productive(rules.finish()).reduced();
        String name = ((Expression.Reference) start).rule();
        if (!reduced.containsKey(name)) {
            throw SchemaDocument.error("#", "no value satisfies the schema");
        }
        Grammar.Builder builder = Grammar.builder(name);
        reduced.forEach(builder::rule);
        return builder.build();
    }

    /**
     * A reference to the rule of a value.
     *
     * @param depth how deep arrays and objects may nest, negative for no limit
     */
    private Expression value(Conjunction schemas, int depth) {
        String name = depth < 0 ? schemas.name() : schemas.name() + " @" + depth;
        return rules.later(name, () -> alternatives(schemas, name, depth));
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
                    options.add(rules.number(range));
                }
            }
            if (!values.strings().isEmpty()) {
                options.add(rules.string(values.strings()));
            }
            if (depth != 0) {
                addNested(values, name, depth - 1, options);
            }
        } catch (SchemaException e) {
            throw e;
        } catch (IllegalArgumentException e) {
            throw new SchemaException(schemas.name(), String.valueOf(e.getMessage()), e);
        }
        return new Expression.Choice(options);
    }

    private void addNested(Values values, String name, int depth, List<Expression> options) {
        int index = 0;
        for (ArrayShape array : values.arrays()) {
            if (array.least() <= array.most()) {
                options.add(array(array, name + " [" + index, depth));
            }
            index++;
        }
        index = 0;
        for (ObjectShape object : values.objects()) {
            Function<Conjunction, Expression> below = value -> value(value, depth);
            ObjectMembers members =
                    new ObjectMembers(rules, reader, below, object, name + " {" + index++);
            options.add(rules.inBraces(members.members()));
        }
    }

    private Expression array(ArrayShape array, String name, int depth) {
        Function<Conjunction, Expression> below = value -> value(value, depth);
        if (array.unique() != null && array.most() > 1) {
            if (!array.contains().isEmpty()) {
                throw SchemaDocument.error(
                        array.unique(),
                        "the keyword cannot be enforced beside \"contains\"; remove one of them");
            }
            return rules.inBrackets(new UniqueItems(rules, reader, array, name).items());
        }
        if (!array.contains().isEmpty()) {
            return rules.inBrackets(new CountedItems(rules, below, array, name).items());
        }
        List<Expression> options = new ArrayList<>();
        if (array.least() == 0) {
            options.add(rules.emptyArray());
        }
        if (array.most() > 0) {
            options.add(
                    rules.inBrackets(
                            sequence(below.apply(array.item(0)), behind(array, 1, below))));
        }
        return new Expression.Choice(options);
    }

    /** The items from an index above 0. */
    private Expression behind(
            ArrayShape array, int index, Function<Conjunction, Expression> below) {
        if (index >= array.most()) {
            return sequence();
        }
        if (index >= array.prefix().size()) {
            return repeat(
                    sequence(rules.comma, below.apply(array.rest())),
                    Math.max(0, array.least() - index),
                    array.most() == Integer.MAX_VALUE ? UNBOUNDED : array.most() - index);
        }
        Expression more =
                sequence(
                        rules.comma,
                        below.apply(array.item(index)),
                        behind(array, index + 1, below));
        return index >= array.least() ? optional(more) : more;
    }
}
