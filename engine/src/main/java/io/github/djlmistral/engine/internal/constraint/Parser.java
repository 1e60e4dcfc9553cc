/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Parses texts byte by byte, every way of splitting them into terminals at once: Earley's parser
 * over terminals that are automata. All states are built when first needed and kept, so that the
 * parser soon is a table. Thread-safe: what is known is read without a lock.
 */
public final class Parser {

    /** A kernel of a set, by numbers. */
    private record Kernel(List<EarleySet.Item> items) {}

    private record Configuration(List<ParserState.Pending> threads, boolean complete) {}

    /** How many states are kept before all are forgotten. */
    private static final int STATE_LIMIT = 50_000;

    /** The same of states of the lexer and the expressions that they are made of. */
    private static final int LEXER_LIMIT = 200_000;

    /** The same of masks: 16 MiB for 32,768 tokens. */
    private static final int MASK_LIMIT = 4096;

    private static final Comparator<EarleySet.Item> ORDER =
            Comparator.comparingInt(EarleySet.Item::production)
                    .thenComparingInt(EarleySet.Item::dot)
                    .thenComparingLong(Parser::originId);

    private static final Comparator<ParserState.Pending> THREAD_ORDER =
            Comparator.comparingLong((ParserState.Pending thread) -> thread.set().id)
                    .thenComparingInt(thread -> thread.lexer().id);

    private final Productions productions;
    private Lexer lexer;

    private final Map<Kernel, EarleySet> sets = new HashMap<>();
    private final Map<Configuration, ParserState> states = new HashMap<>();
    private long setCount;
    private int masks;
    private final ParserState dead;
    private volatile ParserState start;

    /**
     * Makes a parser.
     *
     * @param productions the grammar, whose rule 0 is the start and has one production; owned from
     *     now on
     * @throws IllegalArgumentException if no text matches
     */
    public Parser(Productions productions) {
        this.productions = productions;
        lexer = new Lexer(productions.regexes);
        if (!productions.freeze(0, lexer)) {
            throw new IllegalArgumentException("no text matches the grammar");
        }
        dead = new ParserState(this, new ParserState.Pending[0], false);
        EarleySet.Item first = new EarleySet.Item(productions.of(0)[0], 0, null);
        start = state(new ArrayList<>(), Set.of(first));
    }

    /** Returns the state before any text. */
    public ParserState start() {
        return start;
    }

    /** Returns the state after a byte, which may be dead. */
    synchronized ParserState advance(ParserState from, int b) {
        List<ParserState.Pending> threads = new ArrayList<>();
        Set<EarleySet.Item> kernel = new LinkedHashSet<>();
        for (ParserState.Pending thread : from.threads) {
            LexerState next = lexer.next(lexer.renewed(thread.lexer()), b);
            for (int terminal : next.matched) {
                thread.set().after(~terminal, kernel::add);
            }
            if (next.open) {
                add(new ParserState.Pending(thread.set(), next), threads);
            }
        }
        return threads.isEmpty() && kernel.isEmpty() ? dead : state(threads, kernel);
    }

    private static void add(ParserState.Pending thread, List<ParserState.Pending> threads) {
        if (!threads.contains(thread)) {
            threads.add(thread);
        }
    }

    /**
     * Returns a state that allows the same texts in which up to {@code characters} characters
     * begin, and is the same for more texts: see {@link Lexer#widen}.
     *
     * @param characters the same at each call
     */
    synchronized ParserState widen(ParserState from, int characters) {
        List<ParserState.Pending> threads = new ArrayList<>();
        for (ParserState.Pending thread : from.threads) {
            LexerState wide = lexer.widen(lexer.renewed(thread.lexer()), characters);
            add(new ParserState.Pending(thread.set(), wide), threads);
        }
        return intern(threads, from.isComplete());
    }

    private ParserState state(List<ParserState.Pending> threads, Set<EarleySet.Item> items) {
        List<EarleySet.Item> kernel = new ArrayList<>(items);
        boolean complete = false;
        if (!kernel.isEmpty()) {
            kernel.sort(ORDER);
            EarleySet set =
                    sets.computeIfAbsent(
                            new Kernel(kernel),
                            key -> new EarleySet(++setCount, productions, key.items));
            complete = set.complete;
            if (set.terminals.length > 0) {
                add(new ParserState.Pending(set, begin(set.terminals)), threads);
            }
        }
        return intern(threads, complete);
    }

    private ParserState intern(List<ParserState.Pending> threads, boolean complete) {
        threads.sort(THREAD_ORDER);
        Configuration configuration = new Configuration(threads, complete);
        ParserState known = states.get(configuration);
        if (known == null) {
            if (states.size() >= STATE_LIMIT || lexer.size() >= LEXER_LIMIT) {
                forget();
            }
            known = new ParserState(this, threads.toArray(ParserState.Pending[]::new), complete);
            states.put(configuration, known);
        }
        return known;
    }

    /** Counts a mask that a state is about to keep. */
    synchronized void maskComputed() {
        if (++masks > MASK_LIMIT) {
            forget();
        }
    }

    /** Drops what can be computed again; states in use stay what they are. */
    private void forget() {
        states.values().forEach(ParserState::forget);
        states.clear();
        sets.clear();
        lexer = lexer.renewed();
        ParserState.Pending[] begun = start.threads.clone();
        Arrays.setAll(
                begun,
                i -> new ParserState.Pending(begun[i].set(), lexer.renewed(begun[i].lexer())));
        start = new ParserState(this, begun, start.isComplete());
        masks = 0;
    }

    private LexerState begin(int[] terminals) {
        int[] rest = Arrays.stream(terminals).map(productions::regex).toArray();
        return lexer.state(terminals, rest);
    }

    private static long originId(EarleySet.Item item) {
        EarleySet origin = item.origin();
        return origin == null ? 0 : origin.id;
    }
}
