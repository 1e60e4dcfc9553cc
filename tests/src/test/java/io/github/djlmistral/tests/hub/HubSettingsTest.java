/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.zoo.hub.HubSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Environment variables of {@code huggingface_hub}, set here as system properties. */
class HubSettingsTest {

    private static final List<String> NAMES =
            List.of(
                    "HF_ENDPOINT",
                    "HF_HOME",
                    "HF_HUB_CACHE",
                    "HUGGINGFACE_HUB_CACHE",
                    "HF_TOKEN",
                    "HUGGING_FACE_HUB_TOKEN",
                    "HF_TOKEN_PATH",
                    "HF_HUB_OFFLINE",
                    "TRANSFORMERS_OFFLINE",
                    "HF_HUB_DISABLE_SYMLINKS");

    /** Values set for the whole suite, restored afterwards. */
    private final Map<String, String> before = new HashMap<>();

    @TempDir private Path home;

    @BeforeEach
    void begin() {
        Assumptions.assumeTrue(NAMES.stream().allMatch(name -> System.getenv(name) == null));
        for (String name : NAMES) {
            before.put(name, System.clearProperty(name));
        }
        System.setProperty("HF_HOME", home.toString());
    }

    @AfterEach
    void end() {
        before.forEach(
                (name, value) -> {
                    if (value == null) {
                        System.clearProperty(name);
                    } else {
                        System.setProperty(name, value);
                    }
                });
    }

    @Test
    void withoutVariablesItIsTheHub() throws IOException {
        HubSettings settings = HubSettings.fromEnvironment();
        assertThat(settings.endpoint()).isEqualTo(URI.create("https://huggingface.co"));
        assertThat(settings.cache()).isEqualTo(home.resolve("hub"));
        assertThat(settings.token()).isNull();
        assertThat(settings.offline()).isFalse();
        assertThat(settings.links()).isTrue();
    }

    @Test
    void readsVariables() throws IOException {
        System.setProperty("HF_ENDPOINT", "https://mirror.example/hub/");
        System.setProperty("HF_HUB_CACHE", "${HF_HOME}/other");
        System.setProperty("HF_TOKEN", " hf_mine\n");
        System.setProperty("HF_HUB_OFFLINE", "yes");
        System.setProperty("HF_HUB_DISABLE_SYMLINKS", "1");
        HubSettings settings = HubSettings.fromEnvironment();
        assertThat(settings.endpoint()).isEqualTo(URI.create("https://mirror.example/hub"));
        assertThat(settings.cache()).isEqualTo(home.resolve("other"));
        assertThat(settings.token()).isEqualTo("hf_mine");
        assertThat(settings.offline()).isTrue();
        assertThat(settings.links()).isFalse();
        assertThat(settings.toString()).doesNotContain("hf_mine");
    }

    @Test
    void tildeIsTheUsersHome() throws IOException {
        System.setProperty("HF_HUB_CACHE", "~/x");
        assertThat(HubSettings.fromEnvironment().cache())
                .isEqualTo(Path.of(System.getProperty("user.home"), "x"));
    }

    @Test
    void readsTheTokenFile() throws IOException {
        Files.writeString(home.resolve("token"), "hf_file\n");
        assertThat(HubSettings.fromEnvironment().token()).isEqualTo("hf_file");

        System.setProperty("HF_TOKEN_PATH", home.resolve("elsewhere").toString());
        assertThat(HubSettings.fromEnvironment().token()).isNull();

        Files.writeString(home.resolve("elsewhere"), "hf_elsewhere");
        assertThat(HubSettings.fromEnvironment().token()).isEqualTo("hf_elsewhere");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "http://huggingface.co",
                "ftp://localhost",
                "huggingface.co",
                "https://",
                "not an address",
                "http://localhost.example.com",
                "http://127.0.0.1.example.com",
                "https://huggingface.co?x=1",
            })
    void refusesEndpoints(String endpoint) {
        System.setProperty("HF_ENDPOINT", endpoint);
        assertThatThrownBy(HubSettings::fromEnvironment)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(endpoint);
    }

    @ParameterizedTest
    @ValueSource(strings = {"http://localhost:8080", "http://127.0.0.1", "http://[::1]:90/hub"})
    void speaksInTheClearToThisMachine(String endpoint) throws IOException {
        System.setProperty("HF_ENDPOINT", endpoint);
        assertThat(HubSettings.fromEnvironment().endpoint()).isEqualTo(URI.create(endpoint));
    }

    @Test
    void invalidTokensAreRejected() {
        System.setProperty("HF_TOKEN", "hf_a\r\nEvil: 1");
        assertThatThrownBy(HubSettings::fromEnvironment)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("HF_TOKEN")
                .satisfies(e -> assertThat(e.getMessage()).doesNotContain("Evil"));
    }
}
