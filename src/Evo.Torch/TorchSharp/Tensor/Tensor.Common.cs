// torch.Tensor: what the one-liners of the other files share, and the few members that are more than one operator.

using Evo.Torch.Native;

namespace TorchSharp;

public static partial class torch
{
    public partial class Tensor
    {
        /// <summary>The transpose of a matrix; of more dimensions, all of them in reverse order.</summary>
        public Tensor T => Aten.numpy_T(this);

        /// <summary>The last two dimensions exchanged.</summary>
        public Tensor mT => Aten.mT(this);

        /// <summary>The conjugate transpose of a matrix.</summary>
        public Tensor H => Aten.matrix_H(this);

        /// <summary>Conjugated, with the last two dimensions exchanged.</summary>
        public Tensor mH => Aten.mH(this);

        /// <summary>The real part, as a view.</summary>
        public Tensor real => is_complex() ? Aten.real(this) : alias();

        /// <summary>The imaginary part, as a view.</summary>
        public Tensor imag => Aten.imag(this);

        /// <summary>The indices of the elements that are not zero, one tensor a dimension.</summary>
        public IList<Tensor> nonzero_as_list() => Aten.nonzero_numpy(this);

        /// <summary>Fills with integers from <paramref name="from"/> up to, not including, <paramref name="to"/>.</summary>
        public Tensor random_(double from, double to, Generator? generator = null) => Aten.random__from(this, (long)from, (long)to, generator);

        /// <summary>Exchanges the native values (of another dtype or device, too) under this tensor's identity.</summary>
        internal void set_data(Tensor values) => Aten.set_data(this, values);

        private static string? Name(RoundingMode mode) => mode == RoundingMode.None ? null : mode.ToString();

        private static Tensor Into(Tensor? target, Tensor result)
        {
            if (target is null) return result;
            Aten.resize_(target, result.shape);
            target.copy_(result);
            result.Dispose();
            return target;
        }

        private static Tensor Cast(Tensor result, ScalarType? type) => type is { } wanted ? result.to_type(wanted, disposeAfter: true) : result;

        private static (Tensor, Tensor) Cast((Tensor, Tensor) result, ScalarType? type) => (Cast(result.Item1, type), Cast(result.Item2, type));

        private static long[] Whole(Tensor indices)
        {
            using var whole = indices.to_type(ScalarType.Int64, copy: true);
            using var near = whole.cpu();
            return near.data<long>().ToArray();
        }

        private Tensor Unflatten(long dim, long[] sizes)
        {
            var at = (int)(dim < 0 ? dim + ndim : dim);
            var before = shape;
            if (at < 0 || at >= before.Length) throw new ArgumentException($"Dimension {dim} is not one of the {before.Length} dimensions.");
            return Aten.view(this, [.. before[..at], .. sizes, .. before[(at + 1)..]]);
        }
    }
}
