// A view of a tensor's elements from .NET, through its strides.
using System.Collections;
using System.Diagnostics.CodeAnalysis;

namespace TorchSharp.Utils;

/// <summary>The elements of a tensor on the processor, in row-major order; it keeps the tensor alive, not its handle.</summary>
public sealed unsafe class TensorAccessor<T> : IDisposable, IEnumerable<T>
    where T : unmanaged
{
    private readonly torch.Tensor tensor;
    private readonly long[] sizes;
    private readonly long[] strides;
    private readonly bool contiguous;

    internal TensorAccessor(torch.Tensor tensor)
    {
        this.tensor = tensor;
        sizes = tensor.shape;
        strides = tensor.stride();
        contiguous = tensor.is_contiguous();
        Count = tensor.numel();
    }

    /// <summary>The number of elements.</summary>
    public long Count { get; }

    public bool IsReadOnly => false;

    /// <summary>One element by one index for each dimension; a single index counts in row-major order.</summary>
    /// <exception cref="IndexOutOfRangeException">Outside of the tensor.</exception>
    public T this[params long[] indices]
    {
        get => Data[Offset(indices)];
        set => Data[Offset(indices)] = value;
    }

    private T* Data => (T*)tensor.DataPointer();

    public static bool operator ==(TensorAccessor<T>? left, TensorAccessor<T>? right) =>
        left is null ? right is null : left.Equals(right);

    public static bool operator !=(TensorAccessor<T>? left, TensorAccessor<T>? right) => !(left == right);

    /// <summary>All elements.</summary>
    public T[] ToArray()
    {
        var array = new T[Count];
        CopyTo(array);
        return array;
    }

    /// <summary>All elements in an array of as many dimensions as the tensor has.</summary>
    public Array ToNDArray()
    {
        if (sizes.Length == 0)
        {
            return ToArray();
        }

        var array = Array.CreateInstance(typeof(T), sizes);
        var flat = ToArray();
        var index = new long[sizes.Length];
        foreach (var value in flat)
        {
            array.SetValue(value, index);
            for (var d = sizes.Length - 1; d >= 0 && ++index[d] == sizes[d]; d--)
            {
                index[d] = 0;
            }
        }

        return array;
    }

    /// <summary>Copies elements from position <paramref name="tensorIndex"/> on, as many as the array takes.</summary>
    public void CopyTo(T[] array, int arrayIndex = 0, long tensorIndex = 0) => CopyTo(array.AsSpan(), arrayIndex, tensorIndex);

    /// <summary>Copies elements from position <paramref name="tensorIndex"/> on, as many as the span takes.</summary>
    public void CopyTo(Span<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var count = (int)Math.Min(Count - tensorIndex, array.Length - arrayIndex);
        if (contiguous)
        {
            new ReadOnlySpan<T>(Data + tensorIndex, count).CopyTo(array[arrayIndex..]);
        }
        else
        {
            for (var k = 0; k < count; k++)
            {
                array[arrayIndex + k] = Data[Offset(tensorIndex + k)];
            }
        }

        GC.KeepAlive(tensor);
    }

    /// <summary>Overwrites elements from position <paramref name="tensorIndex"/> on.</summary>
    public void CopyFrom(T[] array, int arrayIndex = 0, long tensorIndex = 0) =>
        CopyFrom((ReadOnlySpan<T>)array, arrayIndex, tensorIndex);

    /// <summary>Overwrites elements from position <paramref name="tensorIndex"/> on.</summary>
    public void CopyFrom(ReadOnlySpan<T> array, int arrayIndex = 0, long tensorIndex = 0)
    {
        var count = (int)Math.Min(Count - tensorIndex, array.Length - arrayIndex);
        for (var k = 0; k < count; k++)
        {
            Data[Offset(tensorIndex + k)] = array[arrayIndex + k];
        }

        GC.KeepAlive(tensor);
    }

    public IEnumerator<T> GetEnumerator()
    {
        for (long k = 0; k < Count; k++)
        {
            yield return this[k];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override bool Equals([NotNullWhen(true)] object? obj) =>
        obj is TensorAccessor<T> other && Count == other.Count && this.SequenceEqual(other);

    public override int GetHashCode() => HashCode.Combine(Count, typeof(T));

    /// <summary>Nothing is held; TorchSharp's programs call it.</summary>
    public void Dispose()
    {
    }

    private long Offset(ReadOnlySpan<long> indices)
    {
        if (indices.Length == 1)
        {
            return Offset(indices[0]);
        }

        if (indices.Length != sizes.Length)
        {
            throw new ArgumentException($"{indices.Length} indices for {sizes.Length} dimensions");
        }

        long offset = 0;
        for (var d = 0; d < indices.Length; d++)
        {
            if ((ulong)indices[d] >= (ulong)sizes[d])
            {
                throw new IndexOutOfRangeException($"index {indices[d]} of dimension {d} with size {sizes[d]}");
            }

            offset += indices[d] * strides[d];
        }

        return offset;
    }

    private long Offset(long position)
    {
        if ((ulong)position >= (ulong)Count)
        {
            throw new IndexOutOfRangeException($"element {position} of {Count}");
        }

        if (contiguous)
        {
            return position;
        }

        long offset = 0;
        for (var d = sizes.Length - 1; d >= 0; d--)
        {
            (position, var index) = Math.DivRem(position, sizes[d]);
            offset += index * strides[d];
        }

        return offset;
    }
}
