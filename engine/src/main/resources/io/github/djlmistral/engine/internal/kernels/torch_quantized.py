  # Methods for quantized weights, appended to the class in torch_kernels.py. N rows (outputs), K columns,
  # T tiles of 16 rows, G groups per row; Int4.java, Int8.java and BitsandbytesWeight.java define the layouts.
  def select_columns(self: __torch__.Kernels, x: Tensor, order: Tensor) -> Tensor:
    return torch.index_select(x, -1, order)
  # allocates the output (..., N) for x (..., K); linear_into writes it
  def linear_output(self: __torch__.Kernels, x: Tensor, n: Tensor) -> Tensor:
    return torch.empty(torch.add(torch.slice(torch.size(x), 0, -1), [int(n)]), dtype=x.dtype, device=x.device)
  # computes columns first to last - 1 of out; block begins with the dequantized rows. The dtype of out may be
  # narrower than that of x and block.
  def linear_into(self: __torch__.Kernels, x: Tensor, block: Tensor, out: Tensor, first: Tensor, last: Tensor) -> Tensor:
    a = int(first)
    b = int(last)
    k = torch.size(x, -1)
    weight = torch.reshape(torch.slice(block, 0, 0, torch.mul(torch.sub(b, a), k)), [torch.sub(b, a), k])
    return torch.copy_(torch.slice(out, -1, a, b), torch.linear(x, weight))
  def copy_rows(self: __torch__.Kernels, whole: Tensor, block: Tensor, first: Tensor, last: Tensor) -> Tensor:
    rows = torch.slice(whole, 0, int(first), int(last))
    return torch.copy_(rows, torch.reshape(torch.slice(block, 0, 0, torch.numel(rows)), torch.size(rows)))
  # linear layer with a weight of another dtype than x
  def linear_widened(self: __torch__.Kernels, x: Tensor, weight: Tensor) -> Tensor:
    return torch.to(torch.linear(torch.to(x, weight.dtype), weight), x.dtype)
  # unpacks (T, K/8, 64) bytes to codes (16 T, K); the lower two bytes of a row's word are the even columns
  def int4_codes(self: __torch__.Kernels, bytes: Tensor) -> Tensor:
    t = torch.size(bytes, 0)
    c = torch.size(bytes, 1)
    b = torch.reshape(bytes, [t, c, 16, 2, 2])
    nibbles = torch.stack([torch.__and__(b, 15), torch.__rshift__(b, 4)], -1)
    return torch.reshape(torch.permute(nibbles, [0, 2, 1, 4, 5, 3]), [torch.mul(t, 16), torch.mul(c, 8)])
  # (T, G, 16) to (16 T, G, 1) in float32
  def by_row(self: __torch__.Kernels, x: Tensor) -> Tensor:
    return torch.reshape(torch.to(torch.transpose(x, 1, 2), 6), [-1, torch.size(x, 1), 1])
  # dequantizes the first n rows of codes (16 T, K); offsets are empty for symmetric weights
  def grouped(self: __torch__.Kernels, codes: Tensor, scales: Tensor, offsets: Tensor, n: int, dtype: int) -> Tensor:
    w = torch.mul(torch.reshape(torch.to(codes, 6), [torch.size(codes, 0), torch.size(scales, 1), -1]), (self).by_row(scales))
    if torch.ne(torch.numel(offsets), 0):
      w = torch.add(w, (self).by_row(offsets))
    return torch.to(torch.slice(torch.reshape(w, torch.size(codes)), 0, 0, n), dtype)
  def int4_dequantize(self: __torch__.Kernels, bytes: Tensor, scales: Tensor, offsets: Tensor, n: Tensor, dtype: Tensor) -> Tensor:
    codes = (self).int4_codes(bytes)
    if torch.eq(torch.numel(offsets), 0):
      codes = torch.sub(torch.to(codes, 1), 8)
    return (self).grouped(codes, scales, offsets, int(n), int(dtype))
  def int8_dequantize(self: __torch__.Kernels, codes: Tensor, scales: Tensor, offsets: Tensor, n: Tensor, dtype: Tensor) -> Tensor:
    rows = torch.reshape(torch.transpose(codes, 1, 2), [-1, torch.size(codes, 1)])
    return (self).grouped(rows, scales, offsets, int(n), int(dtype))
  # (n, k) weights in blocks of a size; a byte holds two codes, the first in its upper half
  def codebook_dequantize(self: __torch__.Kernels, bytes: Tensor, absmax: Tensor, table: Tensor, n: Tensor, k: Tensor, size: Tensor, dtype: Tensor) -> Tensor:
    numbers = torch.mul(int(n), int(k))
    codes = torch.reshape(torch.stack([torch.__rshift__(bytes, 4), torch.__and__(bytes, 15)], -1), [-1])
    w = torch.index_select(table, 0, torch.to(torch.slice(codes, 0, 0, numbers), 3))
    factors = torch.slice(torch.repeat_interleave(absmax, int(size)), 0, 0, numbers)
    return torch.to(torch.reshape(torch.mul(w, factors), [int(n), int(k)]), int(dtype))
  # layout of PyTorch's int4 operator, w = (q - 8) scale + zero: scales and zeros interleaved, (G, 16 T, 2)
  def int4_scales_and_zeros(self: __torch__.Kernels, scales: Tensor, offsets: Tensor) -> Tensor:
    s = torch.squeeze((self).by_row(scales), -1)
    z = torch.zeros_like(s)
    if torch.ne(torch.numel(offsets), 0):
      z = torch.add(torch.squeeze((self).by_row(offsets), -1), torch.mul(s, 8.))
    return torch.to(torch.contiguous(torch.transpose(torch.stack([s, z], -1), 0, 1)), 15)
  # in parts of 1024 rows, since the operator takes 32-bit codes; it packs blocks of 64 rows
  def int4_pack_cpu(self: __torch__.Kernels, bytes: Tensor) -> Tensor:
    parts = annotate(List[Tensor], [])
    t = 0
    while t < torch.size(bytes, 0):
      codes = (self).int4_codes(torch.slice(bytes, 0, t, torch.add(t, 64)))
      parts = torch.append(parts, torch._convert_weight_to_int4pack_for_cpu(torch.to(codes, 3), 2))
      t = torch.add(t, 64)
    return torch.cat(parts)
  def int4_linear_cpu(self: __torch__.Kernels, x: Tensor, packed: Tensor, scales_and_zeros: Tensor, n: Tensor) -> Tensor:
    k = torch.size(x, -1)
    group = torch.floordiv(k, torch.size(scales_and_zeros, 0))
    out = torch._weight_int4pack_mm_for_cpu(torch.reshape(x, [-1, k]), packed, group, scales_and_zeros)
    return torch.reshape(torch.slice(out, -1, 0, int(n)), torch.add(torch.slice(torch.size(x), 0, -1), [int(n)]))
  # the CUDA operator takes two codes per byte, the first in the upper half, and as many tiles of 16 columns at a
  # time as divide the columns. It is called once here, since only a call reveals that a device is not supported.
  def int4_pack_cuda(self: __torch__.Kernels, bytes: Tensor, scales_and_zeros: Tensor) -> Tensor:
    codes = (self).int4_codes(bytes)
    k = torch.size(codes, 1)
    pairs = torch.reshape(codes, [-1, torch.floordiv(k, 2), 2])
    both = torch.__or__(torch.__lshift__(torch.select(pairs, -1, 0), 4), torch.select(pairs, -1, 1))
    tiles = 2
    if torch.eq(torch.remainder(k, 128), 0):
      tiles = 8
    elif torch.eq(torch.remainder(k, 64), 0):
      tiles = 4
    packed = torch._convert_weight_to_int4pack(torch.contiguous(both), tiles)
    one = torch.zeros([1, k], dtype=15, device=bytes.device)
    tried = torch._weight_int4pack_mm(one, packed, torch.floordiv(k, torch.size(scales_and_zeros, 0)), scales_and_zeros)
    return packed
  def int4_linear_cuda(self: __torch__.Kernels, x: Tensor, packed: Tensor, scales_and_zeros: Tensor, n: Tensor) -> Tensor:
    k = torch.size(x, -1)
    group = torch.floordiv(k, torch.size(scales_and_zeros, 0))
    out = torch._weight_int4pack_mm(torch.contiguous(torch.reshape(x, [-1, k])), packed, group, scales_and_zeros)
    return torch.reshape(torch.slice(out, -1, 0, int(n)), torch.add(torch.slice(torch.size(x), 0, -1), [int(n)]))
