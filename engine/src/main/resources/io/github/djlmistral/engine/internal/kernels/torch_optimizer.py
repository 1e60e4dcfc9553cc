# TorchScript as in torch_kernels.py. Optimizers of one parameter p, all in place. master is p, or the float32 copy of
# a p of another type, which is rounded to p at the end. The gradient g is multiplied by factor.
class Kernels(Module):
  __parameters__ = []
  __buffers__ = []
  training : bool
  def copy(self: __torch__.Kernels, target: Tensor, source: Tensor) -> Tensor:
    return torch.copy_(target, source)
  def as_bfloat16(self: __torch__.Kernels, bits: Tensor) -> Tensor:
    return torch.set_(torch.empty([0], dtype=15, device=bits.device), bits, 0, torch.size(bits), torch.stride(bits))
  def as_float16(self: __torch__.Kernels, x: Tensor) -> Tensor:
    bits = torch.contiguous(x)
    return torch.set_(torch.empty([0], dtype=5, device=bits.device), bits, 0, torch.size(bits), torch.stride(bits))
  # the 2-norm of each, summed in float64 (7) without a copy
  def norms(self: __torch__.Kernels, gradients: List[Tensor]) -> Tensor:
    norms = annotate(List[Tensor], [])
    for i in range(torch.len(gradients)):
      _0 = torch.append(norms, torch.linalg_vector_norm(gradients[i], 2, None, False, dtype=7))
    return torch.stack(norms)
  def zero(self: __torch__.Kernels, gradients: List[Tensor]) -> int:
    for i in range(torch.len(gradients)):
      _0 = torch.zero_(gradients[i])
    return torch.len(gradients)
  def finish(self: __torch__.Kernels, p: Tensor, master: Tensor) -> Tensor:
    if p.dtype == 6:
      return p
    else:
      return torch.copy_(p, master)
  # The operations of torch.optim.AdamW, in their order. PyTorch's fused operator cannot be used: the compiler does not see
  # that it writes to elements of lists, and removes it as dead code.
  def update(self: __torch__.Kernels, p: Tensor, g: Tensor, m: Tensor, v: Tensor, step: int, factor: float, lr: float, beta1: float, beta2: float, decay: float, eps: float) -> Tensor:
    gradient = g
    if factor != 1.:
      gradient = torch.mul(g, factor)
    correction1 = torch.sub(1., torch.pow(beta1, float(step)))
    correction2 = torch.sub(1., torch.pow(beta2, float(step)))
    _0 = torch.mul_(p, torch.sub(1., torch.mul(lr, decay)))
    _1 = torch.lerp_(m, gradient, torch.sub(1., beta1))
    _2 = torch.addcmul_(torch.mul_(v, beta2), gradient, gradient, value=torch.sub(1., beta2))
    root = torch.add_(torch.div_(torch.sqrt(v), torch.pow(correction2, 0.5)), eps)
    return torch.addcdiv_(p, m, root, value=torch.neg(torch.div(lr, correction1)))
  # Chunks of 2^16 elements stay in the cache of a CPU between the operations.
  def adamw(self: __torch__.Kernels, p: Tensor, master: Tensor, g: Tensor, m: Tensor, v: Tensor, step: int, factor: float, lr: float, beta1: float, beta2: float, decay: float, eps: float) -> Tensor:
    weights = torch.view(master, [-1])
    gradients = torch.reshape(g, [-1])
    means = torch.view(m, [-1])
    squares = torch.view(v, [-1])
    n = torch.size(weights, 0)
    chunk = 65536
    if master.is_cuda:
      chunk = torch.add(n, 1)
    for i in range(torch.floordiv(torch.sub(torch.add(n, chunk), 1), chunk)):
      begin = torch.mul(i, chunk)
      end = torch.add(begin, chunk)
      part = torch.to(torch.slice(gradients, 0, begin, end), 6)
      _0 = (self).update(torch.slice(weights, 0, begin, end), part, torch.slice(means, 0, begin, end), torch.slice(squares, 0, begin, end), step, factor, lr, beta1, beta2, decay, eps)
    return (self).finish(p, master)
  # codes uint8 (256 n), absmax (n), values (256) in ascending order: float32 (256 n)
  def expand(self: __torch__.Kernels, codes: Tensor, absmax: Tensor, values: Tensor) -> Tensor:
    x = torch.index_select(values, 0, torch.to(codes, 3))
    return torch.reshape(torch.mul(torch.reshape(x, [-1, 256]), torch.unsqueeze(absmax, 1)), [-1])
  # the nearest values; borders (255) are the middles between them
  def compress(self: __torch__.Kernels, x: Tensor, codes: Tensor, absmax: Tensor, borders: Tensor) -> Tensor:
    padded = torch.constant_pad_nd(x, [0, torch.sub(torch.size(codes, 0), torch.size(x, 0))])
    blocks = torch.reshape(padded, [-1, 256])
    largest = torch.amax(torch.abs(blocks), [1], True)
    scaled = torch.div(blocks, torch.clamp_min(largest, 1.1754943508222875e-38))
    _0 = torch.copy_(absmax, torch.reshape(largest, [-1]))
    return torch.copy_(codes, torch.reshape(torch.bucketize(scaled, borders, out_int32=True), [-1]))
  # The second state is the root of AdamW's v, whose range is half as many powers of ten. Chunks
  # also limit the temporary memory.
  def adamw_8bit(self: __torch__.Kernels, p: Tensor, master: Tensor, g: Tensor, m: Tensor, m_absmax: Tensor, r: Tensor, r_absmax: Tensor, maps: Tensor, step: int, factor: float, lr: float, beta1: float, beta2: float, decay: float, eps: float) -> Tensor:
    signed = torch.select(maps, 0, 0)
    unsigned = torch.select(maps, 0, 1)
    signed_borders = torch.slice(torch.select(maps, 0, 2), 0, 0, 255)
    unsigned_borders = torch.slice(torch.select(maps, 0, 3), 0, 0, 255)
    weights = torch.view(master, [-1])
    gradients = torch.reshape(g, [-1])
    n = torch.size(weights, 0)
    chunk = 65536
    if master.is_cuda:
      chunk = 16777216
    for i in range(torch.floordiv(torch.sub(torch.add(n, chunk), 1), chunk)):
      begin = torch.mul(i, chunk)
      end = torch.add(begin, chunk)
      first = torch.floordiv(begin, 256)
      last = torch.floordiv(end, 256)
      w = torch.slice(weights, 0, begin, end)
      size = torch.size(w, 0)
      mc = torch.slice(m, 0, begin, end)
      ma = torch.slice(m_absmax, 0, first, last)
      rc = torch.slice(r, 0, begin, end)
      ra = torch.slice(r_absmax, 0, first, last)
      mean = torch.slice((self).expand(mc, ma, signed), 0, 0, size)
      root = torch.slice((self).expand(rc, ra, unsigned), 0, 0, size)
      square = torch.mul(root, root)
      part = torch.to(torch.slice(gradients, 0, begin, end), 6)
      _0 = (self).update(w, part, mean, square, step, factor, lr, beta1, beta2, decay, eps)
      _1 = (self).compress(mean, mc, ma, signed_borders)
      _2 = (self).compress(torch.sqrt(square), rc, ra, unsigned_borders)
    return (self).finish(p, master)
  def lion(self: __torch__.Kernels, p: Tensor, master: Tensor, g: Tensor, m: Tensor, factor: float, lr: float, beta1: float, beta2: float, decay: float) -> Tensor:
    scaled = torch.mul(torch.to(g, 6), factor)
    direction = torch.sign(torch.lerp(m, scaled, torch.sub(1., beta1)))
    _0 = torch.mul_(master, torch.sub(1., torch.mul(lr, decay)))
    _1 = torch.add_(master, direction, alpha=torch.neg(lr))
    _2 = torch.lerp_(m, scaled, torch.sub(1., beta2))
    return (self).finish(p, master)
