/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A model of the Hub: a repository, a revision and optionally a GGUF file.
 *
 * @param repository {@code owner/name}
 * @param revision a branch, a tag, {@code refs/pr/1}, or a commit id of 40 hexadecimal digits
 * @param file the path or file name of a GGUF file in the repository; null for the safetensors
 *     checkpoint, or the only GGUF file of a repository without one
 */
public record HubModel(String repository, String revision, @Nullable String file) {

    /** The default revision. */
    public static final String MAIN = "main";

    private static final String SCHEME = "hf://";
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9_](?:[\\w.-]*\\w)?");
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");

    /** {@code owner/name@revision/file}; revision and file are optional. */
    private static final Pattern FORM =
            Pattern.compile(
                    "(?<repository>[^/@?]+/[^/@?]+)"
                            + "(?:@(?<revision>refs/[^/?]+/[^/?]+|[^/?]+))?"
                            + "(?:/(?<file>[^?]+))?");

    /**
     * Validates the names, which become parts of URLs and file paths.
     *
     * @throws IllegalArgumentException if a name is not valid on the Hub
     */
    public HubModel {
        String[] parts = repository.split("/", -1);
        if (parts.length != 2
                || !NAME.matcher(parts[0]).matches()
                || !NAME.matcher(parts[1]).matches()
                || repository.length() > 96
                || repository.contains("--")
                || repository.contains("..")
                || repository.endsWith(".git")) {
            throw new IllegalArgumentException(
                    "\""
                            + repository
                            + "\" is not a repository name: expected owner/name, such as"
                            + " mistralai/Mistral-7B-Instruct-v0.3");
        }
        if (!SafePath.isRelative(revision)) {
            throw new IllegalArgumentException(
                    "\""
                            + revision
                            + "\" is not a revision: expected a branch, a tag or a commit id of 40 digits");
        }
        if (file != null && !(SafePath.isRelative(file) && file.endsWith(".gguf"))) {
            throw new IllegalArgumentException(
                    "\"" + file + "\" is not a GGUF file name: expected a name that ends in .gguf");
        }
    }

    /**
     * Creates a model without a GGUF file name.
     *
     * @param repository {@code owner/name}
     * @param revision a branch, a tag or a commit id
     * @throws IllegalArgumentException if a name is not valid on the Hub
     */
    public HubModel(String repository, String revision) {
        this(repository, revision, null);
    }

    /**
     * Parses {@code owner/name}, {@code owner/name@revision}, {@code owner/name/file.gguf} or
     * {@code owner/name@revision/file.gguf}, each with an optional prefix {@code hf://}. A slash in
     * a revision is written as {@code %2F}, except in {@code refs/pr/1}.
     *
     * @param text the text
     * @return the model
     * @throws IllegalArgumentException if the text has another form
     */
    public static HubModel parse(String text) {
        String rest = text.startsWith(SCHEME) ? text.substring(SCHEME.length()) : text;
        if (rest.startsWith("models/") && rest.indexOf('/', "models/".length()) > 0) {
            rest = rest.substring("models/".length());
        }
        Matcher form = FORM.matcher(rest);
        if (!form.matches() || rest.startsWith("datasets/") || rest.startsWith("spaces/")) {
            throw new IllegalArgumentException(
                    "\""
                            + text
                            + "\" is not a model of the Hub: expected hf://owner/name, optionally"
                            + " followed by @revision and /file.gguf");
        }
        String revision = form.group("revision");
        return new HubModel(
                form.group("repository"),
                revision == null
                        ? MAIN
                        : URLDecoder.decode(revision.replace("+", "%2B"), StandardCharsets.UTF_8),
                form.group("file"));
    }

    /** Returns whether a text has the scheme {@code hf://}. */
    public static boolean isHubUrl(String text) {
        return text.startsWith(SCHEME);
    }

    /** Returns whether the revision is a commit id, whose files never change. */
    boolean isPinned() {
        return COMMIT.matcher(revision).matches();
    }

    /** Returns the URL that {@link #parse} reads, such as {@code hf://owner/name@v1/file.gguf}. */
    @Override
    public String toString() {
        return SCHEME
                + repository
                + (revision.equals(MAIN)
                        ? ""
                        : "@" + URLEncoder.encode(revision, StandardCharsets.UTF_8))
                + (file == null ? "" : "/" + file);
    }
}
