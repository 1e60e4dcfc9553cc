/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.openai;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import io.github.djlmistral.zoo.openai.ApiAnswer;
import io.github.djlmistral.zoo.openai.ApiException;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every field of a request is honoured, or refused by name. */
class RequestFieldsTest extends OpenAiFixture {

    private static Function<String, ApiAnswer> endpoint(String name) {
        return switch (name) {
            case "chat" -> api::chatCompletions;
            case "text" -> api::completions;
            default -> api::responses;
        };
    }

    private static String body(String name, String field) {
        return switch (name) {
            case "chat" -> chat(field);
            case "text" -> request("'prompt': 'a'", field);
            default -> request("'input': 'What is a fox?'", field);
        };
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                // wrong
                "chat | 'model': 'gpt-4'                 | model            | model_not_found",
                "chat | 'model': 5                       | model            | invalid_type",
                "chat | 'temperature': 2.1               | temperature      | invalid_value",
                "chat | 'temperature': '1'               | temperature      | invalid_value",
                "chat | 'top_p': -0.1                    | top_p            | invalid_value",
                "chat | 'n': 0                           | n                | invalid_value",
                "chat | 'n': 2.5                         | n                | invalid_value",
                "chat | 'n': 2, 'temperature': 0         | n                | invalid_value",
                "chat | 'n': 2, 'num_return_sequences': 2 | num_return_sequences | invalid_value",
                "chat | 'max_tokens': 0                  | max_tokens       | invalid_value",
                "chat | 'max_tokens': 2038                 | max_tokens       | context_length_exceeded",
                "chat | 'max_completion_tokens': 2038      | max_completion_tokens | context_length_exceeded",
                "text | 'max_tokens': 2048                 | max_tokens       | context_length_exceeded",
                "chat | 'max_tokens': 5, 'max_completion_tokens': 5 | max_tokens | invalid_value",
                "chat | 'stop': []                       |                  |",
                "chat | 'stop': ['a', 'b', 'c', 'd', 'e'] | stop            | invalid_type",
                "chat | 'stop': ['']                     | stop             | invalid_type",
                "chat | 'seed': 1e30                     | seed             | invalid_value",
                "chat | 'presence_penalty': 3            | presence_penalty | invalid_value",
                "chat | 'frequency_penalty': -3          | frequency_penalty | invalid_value",
                "chat | 'logit_bias': {'5': 101}         | logit_bias.5     | invalid_value",
                "chat | 'logit_bias': {'a': 1}           | logit_bias       | invalid_value",
                "chat | 'logit_bias': [1]                | logit_bias       | invalid_type",
                "chat | 'logprobs': 1                    | logprobs         | invalid_type",
                "chat | 'top_logprobs': 2                | top_logprobs     | invalid_value",
                "chat | 'logprobs': true, 'top_logprobs': 21 | top_logprobs | invalid_value",
                "chat | 'response_format': {'type': 'xml'} | response_format | invalid_value",
                "chat | 'response_format': {'type': 'json_schema', 'json_schema': {'schema': {'not': {}}}} | response_format | invalid_value",
                "chat | 'stream': 'yes'                  | stream           | invalid_type",
                "chat | 'stream_options': {'include_usage': true} | stream_options | invalid_value",
                "chat | 'stream': true, 'stream_options': {'a': 1} | stream_options.a | unknown_parameter",
                "chat | 'top_k': -1                      | top_k            | invalid_value",
                "chat | 'top_k': 'many'                  | top_k            | invalid_value",
                "chat | 'min_new_tokens': 300            | min_new_tokens   | invalid_value",
                "chat | 'prefill_chunk_size': 4096       | prefill_chunk_size | invalid_value",
                "chat | 'adapter': 'none'                | adapter          | invalid_value",
                "chat | 'chat_template_kwargs': {'messages': 1} | messages  | invalid_value",
                "chat | 'metadata': {'a': 1}             | metadata.a       | invalid_type",
                "chat | 'temperatur': 1                  | temperatur       | unknown_parameter",
                "text | 'best_of': 2                     | best_of          | unsupported_parameter",
                "text | 'logprobs': 6                    | logprobs         | invalid_value",
                "text | 'max_completion_tokens': 5       | max_completion_tokens | unknown_parameter",
                "responses | 'include': ['reasoning.encrypted_content'] | include | unsupported_parameter",
                "responses | 'text': {'format': {'type': 'xml'}} | text     | invalid_value",
                "responses | 'text': {'a': 1}            | text.a           | unknown_parameter",
                "responses | 'max_output_tokens': 0      | max_output_tokens | invalid_value",
                // not supported
                "chat | 'audio': {'voice': 'a'}          | audio            | unsupported_parameter",
                "chat | 'function_call': 'auto'          | function_call    | unsupported_parameter",
                "chat | 'functions': [{'name': 'f'}]     | functions        | unsupported_parameter",
                "chat | 'modalities': ['text', 'audio']  | modalities       | unsupported_parameter",
                "chat | 'moderation': {}                 | moderation       | unsupported_parameter",
                "chat | 'output_scores': true            | output_scores    | unsupported_parameter",
                "chat | 'prediction': {}                 | prediction       | unsupported_parameter",
                "chat | 'prompt_cache_options': {}       | prompt_cache_options | unsupported_parameter",
                "chat | 'prompt_cache_retention': '24h'  | prompt_cache_retention | unsupported_parameter",
                "chat | 'reasoning_effort': 'low'        | reasoning_effort | unsupported_parameter",
                "chat | 'service_tier': 'flex'           | service_tier     | unsupported_parameter",
                "chat | 'store': true                    | store            | unsupported_parameter",
                "chat | 'verbosity': 'high'              | verbosity        | unsupported_parameter",
                "chat | 'web_search_options': {}         | web_search_options | unsupported_parameter",
                "text | 'suffix': 'b'                    | suffix           | unsupported_parameter",
                "text | 'echo': true, 'logprobs': 1      | echo             | unsupported_parameter",
                "responses | 'background': true          | background       | unsupported_parameter",
                "responses | 'conversation': 'c'         | conversation     | unsupported_parameter",
                "responses | 'max_tool_calls': 1         | max_tool_calls   | unsupported_parameter",
                "responses | 'n': 2                      | n                | unsupported_parameter",
                "responses | 'previous_response_id': 'r' | previous_response_id | unsupported_parameter",
                "responses | 'prompt': {'id': 'p'}       | prompt           | unsupported_parameter",
                "responses | 'reasoning': {'effort': 'high'} | reasoning.effort | unsupported_parameter",
                "responses | 'store': true               | store            | unsupported_parameter",
                "responses | 'truncation': 'auto'        | truncation       | unsupported_parameter",
            })
    void faultyFieldsAreNamed(String endpoint, String field, String param, String code) {
        ApiException refusal = refused(endpoint(endpoint), body(endpoint, field));
        if (param == null) {
            assertThat(refusal).isNull();
            return;
        }
        assertThat(refusal).as("a refusal").isNotNull();
        assertThat(refusal.param()).isEqualTo(param);
        assertThat(refusal.code()).isEqualTo(code);
        assertThat(refusal.status()).isEqualTo("model_not_found".equals(code) ? 404 : 400);
        assertThat(refusal.getMessage()).contains(param.replaceFirst("\\..*", ""));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "'model': 'tiny'",
                "'temperature': null",
                "'temperature': 0, 'top_p': 0.5, 'top_k': 3",
                "'user': 'u', 'safety_identifier': 's', 'prompt_cache_key': 'k'",
                "'metadata': {'a': 'b'}, 'store': false, 'service_tier': 'auto'",
                "'modalities': ['text'], 'verbosity': 'medium', 'reasoning_effort': 'none'",
                "'repetition_penalty': 1.1, 'no_repeat_ngram_size': 3, 'min_p': 0.1, 'seed': 1",
                "'max_new_tokens': 3, 'stop_strings': ['x'], 'do_sample': false",
                "'max_completion_tokens': 3, 'seed': -5, 'logit_bias': {'5': 1}",
                "'prompt_lookup_num_tokens': 4",
                "'add_generation_prompt': true, 'chat_template_kwargs': {'a': 1}, 'documents': []",
            })
    void acceptedFields(String fields) {
        assertThat(whole(chat(fields)).getAsJsonArray("choices")).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{}                                                   | messages",
                "{'messages': []}                                     | messages",
                "{'messages': [5]}                                    | messages[0]",
                "{'messages': [{'content': 'a'}]}                     | messages[0].role",
                "{'messages': [{'role': 'robot', 'content': 'a'}]}    | messages[0].role",
                "{'messages': [{'role': 'user'}]}                     | messages[0].content",
                "{'messages': [{'role': 'user', 'content': 5}]}       | messages[0].content",
                "{'messages': [{'role': 'user', 'content': []}]}      | messages[0].content",
                "{'messages': [{'role': 'user', 'content': 'a', 'mood': 'b'}]} | messages[0].mood",
                "{'messages': [{'role': 'user', 'content': [{'type': 'image_url', 'image_url': {'url': 'u'}}]}]} | messages[0].content[0].type",
                "{'messages': [{'role': 'user', 'content': [{'type': 'input_audio', 'input_audio': {}}]}]} | messages[0].content[0].type",
                "{'messages': [{'role': 'tool', 'content': 'a'}]}     | messages[0].tool_call_id",
                "{'messages': [{'role': 'assistant', 'content': 'a', 'audio': {'id': 'b'}}]} | messages[0].audio",
                "{'messages': [{'role': 'assistant', 'content': 'a'}]} | messages",
            })
    void faultyMessagesAreNamed(String body, String param) {
        ApiException refusal = refused(api::chatCompletions, body.replace('\'', '"'));
        assertThat(refusal).as("a refusal").isNotNull();
        assertThat(refusal.status()).isEqualTo(400);
        assertThat(refusal.param()).isEqualTo(param);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "[]",
                "{\"messages\": [}",
                "{\"n\": 1, \"n\": 2}",
                "{\"messages\": \"\\ud800\"}",
                "{} {}"
            })
    void theBodyIsAJsonObject(String body) {
        ApiException refusal = refused(api::chatCompletions, body);
        assertThat(refusal).as("a refusal").isNotNull();
        assertThat(refusal.code()).isEqualTo("invalid_json");
    }

    @Test
    void aPromptThatIsTooLongIsToldApart() {
        String text = "fox ".repeat(4000);
        ApiException refusal =
                refused(
                        api::chatCompletions,
                        "{\"messages\": [{\"role\": \"user\", \"content\": \"" + text + "\"}]}");
        assertThat(refusal.code()).isEqualTo("context_length_exceeded");
        assertThat(refusal.param()).isEqualTo("messages");
    }

    @Test
    void theErrorObjectIsThatOfTheReference() {
        ApiException refusal = refused(api::chatCompletions, chat("'temperatur': 1"));
        JsonObject expected =
                json(
                        """
                        {"error": {"message": "unknown field \\"temperatur\\"",
                         "type": "invalid_request_error", "param": "temperatur",
                         "code": "unknown_parameter"}}
                        """);
        assertThat(json(refusal.toJson())).isEqualTo(expected);
    }

    @Test
    void modelsAreListed() {
        JsonObject list = json(api.models());
        assertThat(list.get("object").getAsString()).isEqualTo("list");
        JsonObject only = list.getAsJsonArray("data").get(0).getAsJsonObject();
        assertThat(only).isEqualTo(json(api.model("tiny")));
        assertThat(only.keySet()).containsExactly("id", "object", "created", "owned_by");
    }
}
