/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

/**
 * There is too little memory to load or quantize weights. The message names the size needed, the
 * size available and a remedy.
 */
public final class InsufficientMemoryException extends RuntimeException {

    private static final long serialVersionUID = 1;

    /**
     * Creates an exception.
     *
     * @param message sizes and remedy
     */
    public InsufficientMemoryException(String message) {
        super(message);
    }
}
