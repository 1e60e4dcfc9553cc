/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The filters by name. */
final class Filters {

    private static final Map<String, Callable> FILTERS = new HashMap<>();

    static {
        TextFilters.addTo(FILTERS);
        NumberFilters.addTo(FILTERS);
        CollectionFilters.addTo(FILTERS);
        SelectionFilters.addTo(FILTERS);
        FILTERS.put("tojson", Json::filter);
        FILTERS.put("urlencode", Markup::urlEncode);
        FILTERS.put("xmlattr", Markup::xmlAttributes);
    }

    private Filters() {}

    static @Nullable Callable find(String name) {
        return FILTERS.get(name);
    }
}
