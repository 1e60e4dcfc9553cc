/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.constraint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.Constraint;
import io.github.djlmistral.engine.constraint.Expression;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.JsonSchema;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Grammars whose automata are as large as can be. */
class HostileGrammarTest {

    private static final int A = 3 + 'a';

    /** The automaton has 2^25 states, of which as many are met as texts of a and b are long. */
    @Test
    void statesAreForgottenInALongLife() {
        CompiledGrammar grammar =
                CompiledGrammar.of(
                        Grammar.of(Expression.regex("[ab]*a[ab]{24}")), Vocabularies.SMALL);
        Random random = new Random(1);
        Constraint constraint = grammar.start();
        boolean[] last = new boolean[25];
        for (int length = 0; length < 60_000; length++) {
            boolean a = random.nextBoolean();
            constraint.advance(a ? A : A + 1);
            assertThat(constraint.mayEnd()).isEqualTo(last[(length + 1) % 25]);
            last[length % 25] = a;
        }
        assertThat(grammar.start().accepts(A)).isTrue();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'pattern':'^(.*a.{40}|.*b.{41})$','minLength':3}",
                "{'pattern':'^(a?){30000}$','minLength':3}",
                "{'pattern':'^a{30000}$','maxLength':40000}",
                "{'allOf':[{'pattern':'(a|b|c){3}a.{25}'},{'pattern':'a.{27}b'}]}",
                "{'pattern':'^(((a{99}){99}){99}){99}$','maxLength':9}"
            })
    void whatTakesTooManyStatesIsAnError(String schema) {
        assertThatThrownBy(() -> JsonSchema.COMPACT.grammar(schema.replace('\'', '"')))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("its automaton");
    }
}
