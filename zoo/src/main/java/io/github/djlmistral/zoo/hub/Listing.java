/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import ai.djl.util.JsonUtils;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * List of the files in a repository at a commit.
 *
 * @param commit commit id, 40 hexadecimal digits
 * @param files files by path
 */
record Listing(String commit, Map<String, RemoteFile> files) {

    private static final int FORMAT = 1;

    /**
     * Parses the response to {@code GET /api/models/{repository}/revision/{revision}?blobs=true}:
     *
     * <pre>{@code
     * {"sha": "<commit>", "siblings": [
     *   {"rfilename": "config.json", "size": 571, "blobId": "<git's SHA-1>"},
     *   {"rfilename": "model.safetensors", "size": 14483498224, "blobId": "<SHA-1 of the pointer>",
     *    "lfs": {"sha256": "<SHA-256>", "size": 14483498224, "pointerSize": 135}}]}
     * }</pre>
     *
     * @throws IllegalArgumentException if it has another form
     */
    static Listing ofApi(String json) {
        JsonObject root = StrictJson.parse(json);
        String commit = StrictJson.string(root.get("sha"), "sha");
        if (!commit.matches("[0-9a-f]{40}")) {
            throw new IllegalArgumentException(Quote.of("sha") + " is not a commit id");
        }
        Map<String, RemoteFile> files = new TreeMap<>();
        for (JsonElement element : StrictJson.array(root.get("siblings"), "siblings")) {
            JsonObject sibling = StrictJson.object(element, "siblings");
            String path = StrictJson.string(sibling.get("rfilename"), "rfilename");
            JsonElement lfs = StrictJson.get(sibling, "lfs");
            files.put(
                    path,
                    lfs == null
                            ? file(path, sibling, "size", "blobId")
                            : file(path, StrictJson.object(lfs, "lfs"), "size", "sha256"));
        }
        return new Listing(commit, Collections.unmodifiableMap(files));
    }

    /**
     * Parses a cached list, in the format of {@code huggingface_hub} ({@code trees/<commit>.json}):
     *
     * <pre>{@code
     * {"format_version": 1, "files": {
     *   "config.json": {"size": 571, "blob_id": "<git's SHA-1>"},
     *   "model.safetensors": {"size": 14483498224, "blob_id": "<SHA-1 of the pointer>",
     *     "lfs_sha256": "<SHA-256>", "lfs_size": 14483498224}}}
     * }</pre>
     *
     * @throws IllegalArgumentException if it has another form
     */
    static Listing ofCache(String commit, String json) {
        JsonObject root = StrictJson.parse(json);
        StrictJson.integer(root.get("format_version"), "format_version", FORMAT);
        Map<String, RemoteFile> files = new TreeMap<>();
        StrictJson.object(root.get("files"), "files")
                .asMap()
                .forEach(
                        (path, element) -> {
                            JsonObject file = StrictJson.object(element, path);
                            files.put(
                                    path,
                                    file.has("lfs_sha256")
                                            ? file(path, file, "lfs_size", "lfs_sha256")
                                            : file(path, file, "size", "blob_id"));
                        });
        return new Listing(commit, Collections.unmodifiableMap(files));
    }

    private static RemoteFile file(String path, JsonObject from, String size, String etag) {
        // absent from responses to requests without ?blobs=true
        JsonElement bytes = StrictJson.get(from, size);
        JsonElement hash = StrictJson.get(from, etag);
        return new RemoteFile(
                path,
                bytes == null ? -1 : StrictJson.integer(bytes, size, RemoteFile.LARGEST),
                hash == null ? "" : StrictJson.string(hash, etag));
    }

    /** Returns the list in the format of {@link #ofCache}. */
    String toCache() {
        JsonObject all = new JsonObject();
        for (RemoteFile file : files.values()) {
            JsonObject entry = new JsonObject();
            entry.addProperty("size", file.size());
            if (file.etag().length() == 64) {
                entry.addProperty("lfs_sha256", file.etag());
                entry.addProperty("lfs_size", file.size());
            } else {
                entry.addProperty("blob_id", file.etag());
            }
            all.add(file.path(), entry);
        }
        JsonObject root = new JsonObject();
        root.addProperty("format_version", FORMAT);
        root.add("files", all);
        return JsonUtils.GSON_PRETTY.toJson(root);
    }

    /**
     * Returns the files that a model needs, the weights last.
     *
     * @throws HubException if the repository has no such model, or the list lacks sizes or hashes
     */
    List<RemoteFile> choose(HubModel model) throws HubException {
        List<RemoteFile> chosen = new ArrayList<>();
        long total = 0;
        for (String path : ModelFiles.choose(model, files.keySet())) {
            RemoteFile file = files.get(path);
            if (file == null || !file.isValid()) {
                throw new HubException(
                        model.toString(),
                        "the server sent no valid size and hash for " + path,
                        "Check that the server at HF_ENDPOINT supports ?blobs=true of the Hub's"
                                + " API");
            }
            total += file.size();
            if (total > RemoteFile.LARGEST) {
                throw new HubException(
                        model.toString(),
                        "its files have more than " + RemoteFile.LARGEST + " bytes",
                        "Check that HF_ENDPOINT is the address of a server that you trust");
            }
            chosen.add(file);
        }
        return chosen;
    }
}
