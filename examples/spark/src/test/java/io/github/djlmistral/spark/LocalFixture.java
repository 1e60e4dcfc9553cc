/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import java.nio.file.Path;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

/** A session in this JVM, with two cores, for all tests of a class. */
abstract class LocalFixture extends SparkFixture {

    @TempDir static Path temporary;
    static SparkSession spark;

    @BeforeAll
    static void start() {
        spark = session("local[2]", temporary);
    }

    @AfterAll
    static void stop() {
        spark.stop();
    }
}
