/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.Constraint;
import io.github.djlmistral.engine.constraint.JsonSchema;
import io.github.djlmistral.tests.constraint.SchemaSuite;
import io.github.djlmistral.tests.constraint.Spelling;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Measures how long a schema takes to compile, and a step under it: the mask of the 32,768 tokens
 * of Mistral 7B v0.3, and the next token of a valid text, as the tokenizer splits it. All grammars
 * of a round are new: within one, masks that were built are kept, as in a model's memory. Times are
 * those of the thread on its processor, so that other work on the machine counts less.
 *
 * <p>The argument is the number of rounds, of which the second half counts. Default: 20.
 */
final class ConstraintBenchmark {

    private static final String RECIPE =
            """
            {"type": "object", "additionalProperties": false,
             "required": ["title", "servings", "difficulty", "ingredients", "steps", "tags"],
             "properties": {
              "title": {"type": "string", "minLength": 1, "maxLength": 80},
              "description": {"type": "string", "maxLength": 400},
              "servings": {"type": "integer", "minimum": 1, "maximum": 24},
              "difficulty": {"enum": ["easy", "medium", "hard"]},
              "published": {"type": "string", "format": "date-time"},
              "source": {"type": "string", "format": "uri"},
              "ingredients": {"type": "array", "minItems": 1, "maxItems": 40,
               "items": {"$ref": "#/$defs/ingredient"}},
              "steps": {"type": "array", "minItems": 1, "maxItems": 40,
               "items": {"type": "object", "additionalProperties": false,
                "required": ["text"],
                "properties": {"text": {"type": "string", "maxLength": 300},
                 "minutes": {"type": "number", "minimum": 0, "maximum": 600}}}},
              "tags": {"type": "array", "items": {"type": "string", "pattern": "^[a-z][a-z-]*$"}},
              "nutrition": {"anyOf": [{"type": "null"}, {"type": "object",
               "properties": {"kcal": {"type": "integer", "minimum": 0},
                "protein": {"type": "number", "minimum": 0}}, "required": ["kcal"]}]}},
             "$defs": {"ingredient": {"type": "object", "additionalProperties": false,
              "required": ["name", "quantity"],
              "properties": {"name": {"type": "string", "minLength": 1, "maxLength": 60},
               "quantity": {"type": "number", "exclusiveMinimum": 0},
               "unit": {"enum": ["g", "kg", "ml", "l", "tsp", "tbsp", "cup", "piece"]},
               "optional": {"type": "boolean"}}}}}
            """;

    private static final String MEAL =
            """
            {"title": "Lentil soup with lemon", "description": "A warming soup — crème fraîche, \\
            if you like, on top.", "servings": 4, "difficulty": "easy",
             "published": "2026-03-01T18:30:00Z", "source": "https://example.org/soups/17",
             "ingredients": [{"name": "red lentils", "quantity": 250, "unit": "g"},
              {"name": "onion", "quantity": 1, "unit": "piece"},
              {"name": "olive oil", "quantity": 2.5, "unit": "tbsp"},
              {"name": "crème fraîche", "quantity": 0.5, "unit": "cup", "optional": true}],
             "steps": [{"text": "Chop the onion and fry it in the oil until it is golden.",
               "minutes": 7.5},
              {"text": "Add the lentils and a litre of water; simmer gently.", "minutes": 25},
              {"text": "Season with lemon, salt and \\"plenty\\" of pepper."}],
             "tags": ["soup", "vegetarian", "one-pot"], "nutrition": {"kcal": 340, "protein": 18.5}}
            """;

    private record Job(String schema, JsonSchema writing, List<int[]> texts) {}

    private ConstraintBenchmark() {}

    public static void main(String[] args) throws IOException {
        int rounds = args.length == 0 ? 20 : Integer.parseInt(args[0]);
        Path directory = Files.createTempDirectory("constraint");
        try (MistralTokenizer tokenizer = Spelling.published(directory)) {
            Spelling spelling = Spelling.of(tokenizer);
            List<Job> suite = new ArrayList<>();
            for (SchemaSuite.Group group : SchemaSuite.groups()) {
                Job job = job(group, spelling);
                if (job != null) {
                    suite.add(job);
                }
            }
            String pretty =
                    new GsonBuilder()
                            .setPrettyPrinting()
                            .disableHtmlEscaping()
                            .create()
                            .toJson(JsonParser.parseString(MEAL));
            int[] recipe = spelling.ways().apply(pretty).get(0);
            measure("suite", suite, spelling, rounds);
            measure(
                    "recipe",
                    List.of(new Job(RECIPE, JsonSchema.FLEXIBLE, List.of(recipe))),
                    spelling,
                    5 * rounds);
        } finally {
            try (var files = Files.walk(directory)) {
                for (Path file : files.sorted((a, b) -> b.compareTo(a)).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    private static CompiledGrammar compile(Job job, Spelling spelling) {
        return CompiledGrammar.of(job.writing().grammar(job.schema()), spelling.vocabulary());
    }

    /** The texts of a group's valid values that can be written; null if its schema is refused. */
    private static @Nullable Job job(SchemaSuite.Group group, Spelling spelling) {
        Job job = new Job(group.schema(), JsonSchema.COMPACT, new ArrayList<>());
        try {
            CompiledGrammar grammar = compile(job, spelling);
            for (SchemaSuite.Value value : group.values()) {
                for (String text :
                        value.valid() ? SchemaSuite.texts(value.data()) : List.<String>of()) {
                    int[] tokens = spelling.ways().apply(text).get(0);
                    if (accepts(grammar.start(), tokens)) {
                        job.texts().add(tokens);
                    }
                }
            }
            return job;
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    private static boolean accepts(Constraint constraint, int[] tokens) {
        for (int token : tokens) {
            if (!constraint.accepts(token)) {
                return false;
            }
            constraint.advance(token);
        }
        return constraint.mayEnd();
    }

    private static void measure(String name, List<Job> jobs, Spelling spelling, int rounds) {
        List<Long> compiles = new ArrayList<>();
        List<Long> steps = new ArrayList<>();
        for (int round = 0; round < rounds; round++) {
            if (round == rounds / 2) {
                compiles.clear();
                steps.clear();
            }
            for (Job job : jobs) {
                long start = clock();
                CompiledGrammar grammar = compile(job, spelling);
                compiles.add(clock() - start);
                for (int[] tokens : job.texts()) {
                    Constraint constraint = grammar.start();
                    for (int token : tokens) {
                        start = clock();
                        constraint.mask();
                        constraint.advance(token);
                        steps.add(clock() - start);
                    }
                }
            }
        }
        print(name + ", compile", compiles);
        print(name + ", step", steps);
    }

    private static long clock() {
        return ManagementFactory.getThreadMXBean().getCurrentThreadCpuTime();
    }

    private static void print(String what, List<Long> nanos) {
        long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
        System.out.printf(
                Locale.ROOT,
                "%-16s %7d times: mean %8.1f, p50 %8.1f, p99 %8.1f, most %8.1f microseconds%n",
                what,
                sorted.length,
                Arrays.stream(sorted).average().orElse(0) / 1e3,
                percentile(sorted, 50),
                percentile(sorted, 99),
                percentile(sorted, 100));
    }

    private static double percentile(long[] sorted, int percent) {
        return sorted[Math.min(sorted.length - 1, sorted.length * percent / 100)] / 1e3;
    }
}
