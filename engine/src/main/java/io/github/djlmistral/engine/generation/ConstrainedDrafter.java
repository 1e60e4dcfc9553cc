/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.constraint.Constraint;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Drafts the tokens that the constraint of the sequence forces, such as the rest of a property's
 * name; where there is a choice, what another drafter drafts, up to the first token that the
 * constraint does not allow. The bytes are certain, but not how the model splits them into tokens,
 * so that forced tokens are verified as others are.
 */
final class ConstrainedDrafter implements Drafter {

    private final @Nullable Drafter other;

    /**
     * Makes a drafter.
     *
     * @param other drafts where there is a choice; null for none
     */
    ConstrainedDrafter(@Nullable Drafter other) {
        this.other = other;
    }

    @Override
    public Draft draft(Sequence sequence, DraftLength length, int most) {
        Constraint constraint = sequence.constraint();
        if (constraint != null) {
            int[] forced = constraint.forced();
            if (forced.length > 0) {
                int count = Math.min(forced.length, most);
                return Draft.forced(Arrays.stream(forced, 0, count).asLongStream().toArray());
            }
        }
        if (other == null) {
            return Draft.EMPTY;
        }
        Draft draft = other.draft(sequence, length, most);
        return constraint == null ? draft : allowed(draft, constraint);
    }

    private static Draft allowed(Draft draft, Constraint constraint) {
        for (int i = 0; i < draft.length(); ++i) {
            int id = (int) draft.ids()[i];
            if (!constraint.accepts(id)) {
                return new Draft(Arrays.copyOf(draft.ids(), i), draft.scores(), draft.context());
            }
            constraint.advance(id);
        }
        return draft;
    }

    @Override
    public void close() {
        if (other != null) {
            other.close();
        }
    }
}
