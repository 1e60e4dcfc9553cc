/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.training.SchedulerType;
import io.github.djlmistral.engine.training.TrainingArguments;
import io.github.djlmistral.engine.training.TrainingArguments.Interval;
import io.github.djlmistral.engine.training.TrainingArguments.OptimizerName;
import io.github.djlmistral.engine.training.TrainingArgumentsBuilder;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Arguments by their names in transformers. */
class TrainingArgumentsTest {

    private static TrainingArgumentsBuilder set(String name, String value) {
        return TrainingArguments.builder().set(name, value);
    }

    @Test
    void argumentsAreSetByName() {
        TrainingArguments arguments =
                TrainingArguments.builder()
                        .set("output_dir", "out")
                        .set("learning_rate", "2e-4")
                        .set("lr_scheduler_type", "constant_with_warmup")
                        .set("warmup_ratio", "0.1")
                        .set("optim", "paged_adamw_8bit")
                        .set("num_train_epochs", "2")
                        .set("gradient_checkpointing", "True")
                        .set("seed", "12345678901")
                        .set("eval_strategy", "steps")
                        .set("eval_steps", "10")
                        .set("save_strategy", "no")
                        .build();
        assertThat(arguments.outputDir()).isEqualTo(Path.of("out"));
        assertThat(arguments.learningRate()).isEqualTo(2e-4);
        assertThat(arguments.lrSchedulerType()).isEqualTo(SchedulerType.CONSTANT_WITH_WARMUP);
        assertThat(arguments.warmup(101)).isEqualTo(11);
        assertThat(arguments.optim()).isEqualTo(OptimizerName.ADAMW_8BIT);
        assertThat(arguments.numTrainEpochs()).isEqualTo(2);
        assertThat(arguments.gradientCheckpointing()).isTrue();
        assertThat(arguments.seed()).isEqualTo(12345678901L);
        assertThat(arguments.evalStrategy()).isEqualTo(Interval.STEPS);
        assertThat(arguments.saveStrategy()).isEqualTo(Interval.NO);
    }

    /** warmup_steps below 1 is a ratio, as in transformers 5. */
    @ParameterizedTest
    @CsvSource({"0.25, 0, 3", "7, 0.5, 7", "0, 0.5, 5"})
    void warmupIsANumberOfStepsOrARatio(String steps, String ratio, int expected) {
        TrainingArguments arguments =
                steps.equals("0")
                        ? set("warmup_steps", steps).set("warmup_ratio", ratio).build()
                        : set("warmup_ratio", ratio).set("warmup_steps", steps).build();
        assertThat(arguments.warmup(10)).isEqualTo(expected);
    }

    @Test
    void unknownNamesAreErrors() {
        assertThatThrownBy(() -> set("learning_rat", "1"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("\"learning_rat\" is no training argument")
                .hasMessageContaining("learning_rate");
    }

    @ParameterizedTest
    @CsvSource({
        "learning_rate, fast, 'learning_rate is \"fast\", must be a number'",
        "learning_rate, -1, 'learning_rate is -1.0, must not be negative'",
        "learning_rate, NaN, 'learning_rate is NaN, must not be negative'",
        "max_steps, 1.5, 'max_steps is \"1.5\", must be a number'",
        "max_steps, 0, 'max_steps is 0, must be positive, or -1'",
        "num_train_epochs, 0, num_train_epochs is 0.0",
        "lr_scheduler_type, polynomial, 'must be one of [linear, cosine, constant, constant_with'",
        "optim, sgd, 'optim is \"sgd\", must be adamw_torch, adamw_8bit or lion_32bit'",
        "gradient_checkpointing, 2, 'gradient_checkpointing is \"2\", must be true or false'",
        "adam_beta1, 1, 'adam_beta1 is 1.0, must be at least 0 and below 1'",
        "warmup_ratio, 1.5, 'warmup_ratio is 1.5, must be from 0 to 1.0'",
        "per_device_train_batch_size, 0, 'is 0, must be at least 1'",
        "load_best_model_at_end, true, load_best_model_at_end needs evaluations",
        "early_stopping_patience, 2, early_stopping_patience needs evaluations",
    })
    void badValuesAreNamed(String name, String value, String message) {
        assertThatThrownBy(() -> set(name, value).build())
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(message);
    }

    @Test
    void allNamesAreKnown() {
        assertThat(TrainingArgumentsBuilder.names())
                .hasSize(30)
                .contains("output_dir", "adam_epsilon", "precompute_ref_log_probs");
    }
}
