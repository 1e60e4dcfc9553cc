/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import ai.djl.util.JsonUtils;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * All files of a repository at one commit, which never change.
 *
 * @param commit 40 hexadecimal digits
 * @param files by their paths
 */
record Listing(String commit, Map<String, RemoteFile> files) {

    private static final int FORMAT = 1;

    /**
     * Reads the answer to {@code GET /api/models/{repository}/revision/{revision}?blobs=true}:
     *
     * <pre>{@code
     * {"sha": "<commit>", "siblings": [
     *   {"rfilename": "config.json", "size": 571, "blobId": "<git's SHA-1>"},
     *   {"rfilename": "model.safetensors", "size": 14483498224, "blobId": "<SHA-1 of the pointer>",
     *    "lfs": {"sha256": "<SHA-256>", "size": 14483498224, "pointerSize": 135}}]}
     * }</pre>
     *
     * @throws JsonParseException if it is something else
     */
    static Listing ofApi(String json) {
        try {
            JsonObject root = JsonParser.parseString(json).getAsJsonObject();
            String commit = root.get("sha").getAsString();
            if (!commit.matches("[0-9a-f]{40}")) {
                throw new JsonParseException("\"sha\" is no commit");
            }
            Map<String, RemoteFile> files = new TreeMap<>();
            for (JsonElement element : root.getAsJsonArray("siblings")) {
                JsonObject sibling = element.getAsJsonObject();
                JsonElement lfs = sibling.get("lfs");
                String path = sibling.get("rfilename").getAsString();
                files.put(
                        path,
                        lfs instanceof JsonObject large
                                ? file(path, large, "size", "sha256")
                                : file(path, sibling, "size", "blobId"));
            }
            return new Listing(commit, Collections.unmodifiableMap(files));
        } catch (IllegalStateException
                | NullPointerException
                | UnsupportedOperationException
                | NumberFormatException e) {
            throw new JsonParseException("a part is missing or of another kind", e);
        }
    }

    /**
     * Reads what {@code huggingface_hub} keeps in {@code trees/<commit>.json}, and we beside it:
     *
     * <pre>{@code
     * {"format_version": 1, "files": {
     *   "config.json": {"size": 571, "blob_id": "<git's SHA-1>"},
     *   "model.safetensors": {"size": 14483498224, "blob_id": "<SHA-1 of the pointer>",
     *     "lfs_sha256": "<SHA-256>", "lfs_size": 14483498224}}}
     * }</pre>
     *
     * @throws JsonParseException if it is something else
     */
    static Listing ofCache(String commit, String json) {
        try {
            JsonObject root = JsonParser.parseString(json).getAsJsonObject();
            if (root.get("format_version").getAsInt() != FORMAT) {
                throw new JsonParseException("a format of another version");
            }
            Map<String, RemoteFile> files = new TreeMap<>();
            root.getAsJsonObject("files")
                    .asMap()
                    .forEach(
                            (path, element) -> {
                                JsonObject file = element.getAsJsonObject();
                                files.put(
                                        path,
                                        file.has("lfs_sha256")
                                                ? file(path, file, "lfs_size", "lfs_sha256")
                                                : file(path, file, "size", "blob_id"));
                            });
            return new Listing(commit, Collections.unmodifiableMap(files));
        } catch (IllegalStateException
                | NullPointerException
                | UnsupportedOperationException
                | NumberFormatException e) {
            throw new JsonParseException("a part is missing or of another kind", e);
        }
    }

    private static RemoteFile file(String path, JsonObject from, String size, String etag) {
        // without ?blobs=true there are only names
        return new RemoteFile(
                path,
                from.has(size) ? from.get(size).getAsLong() : -1,
                from.has(etag) ? from.get(etag).getAsString() : "");
    }

    /** As {@link #ofCache} reads it. */
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
     * The files that a model needs, the weights last.
     *
     * @throws HubException if the repository has no such model, or the server told too little
     */
    List<RemoteFile> choose(HubModel model) throws HubException {
        List<RemoteFile> chosen = new ArrayList<>();
        for (String path : ModelFiles.choose(model, files.keySet())) {
            RemoteFile file = files.get(path);
            if (file == null || !file.isValid()) {
                throw new HubException(
                        model.toString(),
                        "the server gives no size and hash for " + path,
                        "Check that HF_ENDPOINT names a server that speaks the Hub's API with"
                                + " ?blobs=true");
            }
            chosen.add(file);
        }
        return chosen;
    }
}
