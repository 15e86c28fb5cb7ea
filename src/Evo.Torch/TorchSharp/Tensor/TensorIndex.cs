namespace TorchSharp;

public static partial class torch
{
    /// <summary>
    /// One index of <see cref="Tensor.index(TensorIndex[])"/>: a number, a slice, an ellipsis, a new axis, a truth value
    /// or a tensor of indices or of truth values, as between PyTorch's square brackets.
    /// </summary>
    public struct TensorIndex
    {
        internal enum Kind
        {
            None,
            Single,
            Ellipsis,
            Bool,
            Tensor,
            Slice,
        }

        internal Kind kind;
        internal long? first;
        internal long? stop;
        internal long? step;
        internal Tensor? tensor;

        /// <summary>All dimensions that the other indices leave.</summary>
        public static TensorIndex Ellipsis = new() { kind = Kind.Ellipsis };

        /// <summary>A new dimension of size 1.</summary>
        public static TensorIndex None = new() { kind = Kind.None };

        /// <summary>A new dimension of size 1.</summary>
        public static TensorIndex Null = new() { kind = Kind.None };

        /// <summary>A whole dimension.</summary>
        public static TensorIndex Colon = Slice();

        /// <summary>From start up to, not including, stop; null and negative numbers as in Python, the step positive.</summary>
        public static TensorIndex Slice(long? start = null, long? stop = null, long? step = null) =>
            new() { kind = Kind.Slice, first = start, stop = stop, step = step };

        /// <summary>From start up to, not including, end.</summary>
        public static TensorIndex Slice((int? start, int? end) range) => Slice((long?)range.start, range.end);

        /// <summary>A C# range; numbers from the end are negative numbers.</summary>
        public static TensorIndex Slice(Range range) =>
            Slice(Signed(range.Start), range.End is { IsFromEnd: true, Value: 0 } ? null : Signed(range.End));

        /// <summary>True: a new dimension of size 1. False: one of size 0.</summary>
        public static TensorIndex Bool(bool value) => new() { kind = Kind.Bool, first = value ? 1 : 0 };

        /// <summary>One index, negative from the end; the dimension goes away.</summary>
        public static TensorIndex Single(long? index) => new() { kind = Kind.Single, first = index };

        /// <summary>A tensor of indices (of one dimension) or of truth values (of as many dimensions as it has).</summary>
        public static TensorIndex Tensor(Tensor tensor) => new() { kind = Kind.Tensor, tensor = tensor };

        /// <summary>One index.</summary>
        public static implicit operator TensorIndex(long value) => Single(value);

        /// <summary>From start up to, not including, end.</summary>
        public static implicit operator TensorIndex((int? start, int? end) range) => Slice(range);

        /// <summary>A C# range.</summary>
        public static implicit operator TensorIndex(Range range) => Slice(range);

        /// <summary>A C# index; from the end it is a negative number.</summary>
        public static implicit operator TensorIndex(Index index) => Single(Signed(index));

        /// <summary>Exists so that overloads with tensors and with indices can be told apart; not to be called.</summary>
        /// <exception cref="InvalidOperationException">Always.</exception>
        public static implicit operator Tensor(TensorIndex value) => throw new InvalidOperationException("An index is not a tensor.");

        private static long Signed(Index index) => index.IsFromEnd ? -index.Value : index.Value;
    }
}
