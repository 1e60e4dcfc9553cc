/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.notebooks;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.notebooks.Notebook.Cell;
import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Runs the notebooks of the examples in a Jupyter kernel for Java, against the class path of this
 * build, and compares what they print with the outputs stored in them.
 *
 * <p>{@code -Dnotebooks.update} stores the outputs of this run instead.
 */
class NotebookTest {

    private static final Pattern MAGIC = Pattern.compile("(?m)^\\s*%");

    static List<Notebook> notebooks() throws IOException {
        return Notebook.all();
    }

    @ParameterizedTest
    @MethodSource("notebooks")
    void givesTheStoredOutputs(Notebook notebook) throws IOException {
        boolean update = System.getProperty("notebooks.update") != null;
        try (JavaKernel kernel = JavaKernel.start(notebook.name(), classPath())) {
            for (Cell cell : notebook.javaCells()) {
                JavaKernel.Execution execution = kernel.execute(cell.source());
                assertThat(execution.succeeded())
                        .as("%s%n%s", cell.source(), execution.outputs())
                        .isTrue();
                List<String> fresh = comparable(execution.outputs(), cell);
                assertThat(fresh).as(cell.source()).doesNotContain("stderr");
                if (update) {
                    cell.store(execution.count(), execution.outputs());
                } else {
                    assertThat(fresh)
                            .as("outputs of%n%s", cell.source())
                            .isEqualTo(comparable(cell.outputs(), cell));
                }
            }
        }
        if (update) {
            notebook.write();
        }
    }

    /** The first cell after the set-up cell begins with the same check everywhere. */
    @Test
    void namesTheSetUpCellWhereItWasNotRun() throws IOException {
        List<String> first = notebooks().stream().map(n -> n.javaCells().get(0).source()).toList();
        String check = first.get(0).substring(0, first.get(0).indexOf("import "));
        assertThat(first).allMatch(source -> source.startsWith(check));
        try (JavaKernel kernel = JavaKernel.start("unprepared", List.of())) {
            JavaKernel.Execution execution = kernel.execute(first.get(0));
            assertThat(execution.succeeded()).isFalse();
            assertThat(execution.outputs().toString())
                    .contains("djl-mistral is not on the class path: run the set-up cell first");
        }
    }

    @ParameterizedTest
    @MethodSource("notebooks")
    void isAValidNotebookForJava(Notebook notebook) throws IOException {
        JsonObject json = notebook.json();
        assertThat(json.keySet())
                .containsExactlyInAnyOrder("cells", "metadata", "nbformat", "nbformat_minor");
        assertThat(json.get("nbformat").getAsInt()).isEqualTo(4);
        assertThat(json.get("nbformat_minor").getAsInt()).isEqualTo(5);
        JsonObject metadata = json.getAsJsonObject("metadata");
        assertThat(metadata.getAsJsonObject("kernelspec").get("name").getAsString())
                .isEqualTo("java");
        assertThat(metadata.getAsJsonObject("kernelspec").get("language").getAsString())
                .isEqualTo("java");
        assertThat(metadata.getAsJsonObject("language_info").get("name").getAsString())
                .isEqualTo("java");
        List<Cell> cells = notebook.cells();
        assertThat(cells)
                .extracting(cell -> cell.json().get("id").getAsString())
                .doesNotHaveDuplicates()
                .allMatch(id -> id.matches("[a-zA-Z0-9-_]{1,64}"));
        for (Cell cell : cells) {
            List<String> keys = new ArrayList<>(List.of("cell_type", "id", "metadata", "source"));
            if (cell.isCode()) {
                keys.addAll(List.of("execution_count", "outputs"));
            } else {
                assertThat(cell.json().get("cell_type").getAsString()).isEqualTo("markdown");
            }
            assertThat(cell.json().keySet()).containsExactlyInAnyOrderElementsOf(keys);
        }
        assertThat(notebook.storedText()).isEqualTo(notebook.text());
    }

    /** What only some kernels understand is in one cell, and loads what this build has. */
    @ParameterizedTest
    @MethodSource("notebooks")
    void hasMagicsInItsSetUpCellOnly(Notebook notebook) throws IOException {
        List<Cell> code = notebook.cells().stream().filter(Cell::isCode).toList();
        assertThat(code.get(0).hasTag(Notebook.SETUP)).isTrue();
        for (int i = 0; i < code.size(); i++) {
            Cell cell = code.get(i);
            boolean setUp = i == 0;
            assertThat(cell.hasTag(Notebook.SETUP)).isEqualTo(setUp);
            assertThat(MAGIC.matcher(cell.source()).find()).as(cell.source()).isEqualTo(setUp);
        }
        String pom = Files.readString(Path.of("..", "pom.xml"));
        assertThat(code.get(0).source())
                .contains(
                        "%maven io.github.djlmistral:djl-mistral-zoo:"
                                + first(pom, "<version>([^<]*)</version>"))
                .contains(
                        "%maven org.slf4j:slf4j-nop:"
                                + first(pom, "<slf4j.version>([^<]*)</slf4j.version>"))
                .contains(
                        "%maven org.knowm.xchart:xchart:"
                                + first(pom, "<xchart.version>([^<]*)</xchart.version>"));
    }

    /** Every cell was run, in order. Kernels render values in different ways, all but images. */
    @ParameterizedTest
    @MethodSource("notebooks")
    void storesItsOutputs(Notebook notebook) {
        int count = 0;
        int images = 0;
        for (Cell cell : notebook.javaCells()) {
            assertThat(cell.json().get("execution_count").getAsInt()).isEqualTo(++count);
            for (JsonElement output : cell.outputs()) {
                JsonObject data = output.getAsJsonObject().getAsJsonObject("data");
                if (data != null) {
                    assertThat(data.keySet()).as(cell.source()).containsExactly("image/png");
                    images++;
                }
            }
        }
        assertThat(images).isPositive();
    }

    private static String first(String text, String pattern) {
        return Pattern.compile(pattern).matcher(text).results().findFirst().orElseThrow().group(1);
    }

    /**
     * Outputs as texts to compare: of images their size only, as fonts differ between machines; of
     * cells that vary the kinds only.
     */
    private static List<String> comparable(JsonArray outputs, Cell cell) throws IOException {
        List<String> result = new ArrayList<>();
        for (JsonElement element : outputs) {
            JsonObject output = element.getAsJsonObject();
            boolean varies = cell.hasTag(Notebook.VARIES);
            if (output.has("text")) {
                result.add(output.get("name").getAsString());
                result.add(varies ? "" : Notebook.joined(output.get("text")));
            } else if (output.has("data")) {
                JsonObject data = output.getAsJsonObject("data");
                if (data.has("image/png")) {
                    result.add("image of " + size(data.get("image/png").getAsString()));
                } else {
                    result.add(varies ? "" : data.toString());
                }
            }
        }
        return result;
    }

    private static String size(String base64) throws IOException {
        byte[] png = Base64.getMimeDecoder().decode(base64);
        BufferedImage image = ImageIO.read(new ByteArrayInputStream(png));
        return image.getWidth() + " x " + image.getHeight();
    }

    /** The class path of the tests, without them and what would be another engine by default. */
    private static List<String> classPath() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(entry -> entry.endsWith(".jar") && !entry.contains("mxnet"))
                .toList();
    }
}
