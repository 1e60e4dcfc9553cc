/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/** The values of options whose range depends on other options. */
record OptionCombinations(GenerationConfig config) {

    /** Throws an {@link IllegalArgumentException} that names the first wrong option. */
    void check() {
        require(
                config.minNewTokens() <= config.maxNewTokens(),
                StoppingOptions.MIN_NEW_TOKENS,
                "between 0 and max_new_tokens, " + config.maxNewTokens());
        double temperature = config.temperature();
        require(
                !config.doSample() || (temperature > 0 && Double.isFinite(temperature)),
                SamplingOptions.TEMPERATURE,
                "a number above 0; for greedy decoding set do_sample to false");
        int beams = config.get(BeamOptions.NUM_BEAMS);
        int sequences = config.get(BeamOptions.NUM_RETURN_SEQUENCES);
        require(
                beams == 1 || sequences <= beams,
                BeamOptions.NUM_RETURN_SEQUENCES,
                "at most num_beams, " + beams);
        require(
                beams > 1 || config.doSample() || sequences == 1,
                BeamOptions.NUM_RETURN_SEQUENCES,
                "1 with greedy decoding, whose sequences are equal: set do_sample or num_beams");
        require(
                beams == 1 || config.get(SamplingOptions.MIROSTAT) == 0,
                SamplingOptions.MIROSTAT,
                "0 with num_beams of " + beams + ", as it follows a single sequence");
        if (config.get(ConstraintOptions.RESPONSE_FORMAT).grammar().isPresent()) {
            require(
                    config.get(ConstraintOptions.FORCED_BOS_TOKEN_ID) == null,
                    ConstraintOptions.FORCED_BOS_TOKEN_ID,
                    "unset with a response_format");
            require(
                    config.get(ConstraintOptions.FORCED_EOS_TOKEN_ID).isEmpty(),
                    ConstraintOptions.FORCED_EOS_TOKEN_ID,
                    "empty with a response_format");
        }
        if (config.get(SpeculationOptions.PROMPT_LOOKUP_NUM_TOKENS) != null) {
            require(beams == 1, BeamOptions.NUM_BEAMS, "1 with prompt_lookup_num_tokens");
            require(
                    config.get(ConstraintOptions.GUIDANCE_SCALE) == 1,
                    ConstraintOptions.GUIDANCE_SCALE,
                    "1 with prompt_lookup_num_tokens");
        }
    }

    private void require(boolean condition, GenerationOption<?> option, String expected) {
        if (!condition) {
            throw option.fault(String.valueOf(config.get(option)), expected);
        }
    }
}
