/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.net.URLDecoder;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * One model of the Hub: a repository at a revision, and of a repository with several GGUF files
 * which one.
 *
 * @param repository {@code owner/name}
 * @param revision a branch, a tag, {@code refs/pr/1}, or a commit as 40 hexadecimal digits
 * @param file a GGUF file, by its path in the repository or by its name alone; null for the
 *     safetensors checkpoint, or for the one GGUF file of a repository that has nothing else
 */
public record HubModel(String repository, String revision, @Nullable String file) {

    /** The revision where none is named. */
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
     * Checks the names: they become parts of addresses and of paths.
     *
     * @throws IllegalArgumentException if one cannot be the Hub's
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
                            + "\" is no repository of the Hub: give owner/name, as in"
                            + " mistralai/Mistral-7B-Instruct-v0.3");
        }
        if (!SafePath.isRelative(revision)) {
            throw new IllegalArgumentException(
                    "\""
                            + revision
                            + "\" is no revision: give a branch, a tag or a commit of 40 digits");
        }
        if (file != null && !(SafePath.isRelative(file) && file.endsWith(".gguf"))) {
            throw new IllegalArgumentException(
                    "\""
                            + file
                            + "\" is no GGUF file of a repository: give a name that ends in .gguf");
        }
    }

    /**
     * The model of a repository at a revision.
     *
     * @param repository {@code owner/name}
     * @param revision a branch, a tag or a commit
     * @throws IllegalArgumentException if one cannot be the Hub's
     */
    public HubModel(String repository, String revision) {
        this(repository, revision, null);
    }

    /**
     * Parses {@code owner/name}, {@code owner/name@revision}, {@code owner/name/file.gguf} or
     * {@code owner/name@revision/file.gguf}, each optionally behind {@code hf://}. A slash in a
     * revision is written as {@code %2F}, except in {@code refs/pr/1}.
     *
     * @param text one of these
     * @return the model
     * @throws IllegalArgumentException if it is none of them
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
                            + "\" names no model of the Hub: give hf://owner/name, with @revision or"
                            + " /file.gguf behind it if need be");
        }
        String revision = form.group("revision");
        return new HubModel(
                form.group("repository"),
                revision == null
                        ? MAIN
                        : URLDecoder.decode(revision.replace("+", "%2B"), StandardCharsets.UTF_8),
                form.group("file"));
    }

    /** Whether a text is meant as the name of a model here, rather than as a path or a URL. */
    public static boolean isHubUrl(String text) {
        return text.startsWith(SCHEME);
    }

    /** Whether the revision is a commit, which never changes. */
    boolean isPinned() {
        return COMMIT.matcher(revision).matches();
    }

    /** Returns the text that {@link #parse} reads: {@code hf://owner/name@v1/file.gguf}. */
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
