namespace Evo.Data;

/// <summary>Reads a view that does not lie without gaps (a transpose, a slice of columns) as if it did.</summary>
internal static unsafe class StridedCopy
{
    /// <summary>Copies elements from the <paramref name="first"/> on, counted row by row.</summary>
    public static void Read(MappedFile file, TorchTensor tensor, long first, Span<byte> into)
    {
        var width = tensor.Type.Bits() / 8;
        var (shape, strides) = (tensor.Shape, tensor.Strides);
        var index = new long[shape.Count];
        var left = first;
        for (var dim = shape.Count - 1; dim >= 0; dim--) (left, index[dim]) = Math.DivRem(left, Math.Max(shape[dim], 1));
        var inner = shape.Count - 1;
        while (!into.IsEmpty)
        {
            var at = tensor.Start;
            for (var dim = 0; dim < index.Length; dim++) at += index[dim] * strides[dim] * width;
            // To the end of the innermost row, or of what was asked for.
            var count = (int)Math.Min(shape[inner] - index[inner], into.Length / width);
            Row(file, at, strides[inner] * width, width, into[..(count * width)]);
            into = into[(count * width)..];
            index[inner] += count;
            for (var dim = inner; dim > 0 && index[dim] == shape[dim]; dim--) (index[dim], index[dim - 1]) = (0, index[dim - 1] + 1);
        }
    }

    private static void Row(MappedFile file, long start, long step, int width, Span<byte> into)
    {
        var count = into.Length / width;
        // One check of the whole row: the view was found to lie inside its storage when the file was opened.
        var from = file.At(start, (count - 1) * step + width);
        if (step == width)
            new ReadOnlySpan<byte>(from, into.Length).CopyTo(into);
        else
            for (var i = 0; i < count; i++) new ReadOnlySpan<byte>(from + i * step, width).CopyTo(into.Slice(i * width, width));
    }
}
