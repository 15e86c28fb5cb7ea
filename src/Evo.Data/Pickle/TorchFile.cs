namespace Evo.Data;

/// <summary>One tensor of a PyTorch file: a view of a storage, which several tensors may share.</summary>
/// <param name="Name">Its key in the state dictionary.</param>
/// <param name="Type">Element type.</param>
/// <param name="Shape">Sizes, outermost first.</param>
/// <param name="Strides">Elements between neighbours of each dim.</param>
/// <param name="Start">Where its first element begins in the file.</param>
public sealed record TorchTensor(string Name, SafeTensorType Type, IReadOnlyList<long> Shape, IReadOnlyList<long> Strides, long Start)
{
    /// <summary>Bytes of it, laid out without gaps.</summary>
    public long ByteCount => Type.ByteCount(Shape)!.Value;

    /// <summary>Whether its bytes lie in the file as they are read: row after row without gaps.</summary>
    public bool IsContiguous
    {
        get
        {
            var step = 1L;
            for (var dim = Shape.Count - 1; dim >= 0; dim--)
            {
                if (Shape[dim] != 1 && Strides[dim] != step) return false;
                step *= Shape[dim];
            }
            return true;
        }
    }

    /// <summary>A view of some of it along the first dim.</summary>
    public TorchTensor Narrow(long first, long count) => first >= 0 && count >= 0 && first <= Shape[0] - count
        ? this with { Shape = [count, .. Shape.Skip(1)], Start = Start + first * Strides[0] * (Type.Bits() / 8) }
        : throw new ArgumentOutOfRangeException(nameof(first), $"{first} to {first + count} of {this}");

    /// <summary>A view of one of it along the first dim, which goes.</summary>
    public TorchTensor Select(long index) => Narrow(index, 1) with { Shape = [.. Shape.Skip(1)], Strides = [.. Strides.Skip(1)] };

    /// <summary>A view of a matrix with rows and columns the other way round.</summary>
    public TorchTensor Turned() => Shape.Count == 2 ? this with { Shape = [Shape[1], Shape[0]], Strides = [Strides[1], Strides[0]] }
        : throw new InvalidOperationException($"{this}: only a matrix can be turned");

    /// <summary>The tensor in a person's words.</summary>
    public override string ToString() => $"{Name}: {Type} [{string.Join(", ", Shape)}]";
}

/// <summary>
/// A state dictionary that torch.save wrote (a zip archive, PyTorch 1.6 and later), open for reading. Its pickle is read by
/// <see cref="Unpickler"/>, which executes nothing and refuses every name but those of tensors; bytes of tensors are read only
/// when they are asked for.
/// </summary>
public sealed class TorchFile : IDisposable
{
    private readonly TorchArchive archive;

    /// <summary>The file's path as it was given.</summary>
    public string Path => archive.File.Path;

    /// <summary>The tensors in the order of the dictionary.</summary>
    public IReadOnlyList<TorchTensor> Tensors { get; }

    /// <summary>Opens a file. Throws <see cref="DataException"/> where it is missing, damaged, or holds anything but named tensors.</summary>
    public static TorchFile Open(string path) => Open(path, bare: false);

    /// <summary>Opens a file that holds one tensor and no dictionary; its name is "". Throws as <see cref="Open(string)"/> does.</summary>
    public static TorchFile OpenTensor(string path) => Open(path, bare: true);

    private static TorchFile Open(string path, bool bare)
    {
        var archive = TorchArchive.Open(path);
        try
        {
            return new TorchFile(archive, bare);
        }
        catch
        {
            archive.Dispose();
            throw;
        }
    }

    private TorchFile(TorchArchive archive, bool bare)
    {
        this.archive = archive;
        Tensors = (bare ? Bare() : Views()).AsReadOnly();
    }

    /// <summary>Copies part of a tensor, as if it lay without gaps.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>, or a view of one.</param>
    /// <param name="offset">First byte; a multiple of the element's size.</param>
    /// <param name="into">Where to; a whole number of elements.</param>
    public void Read(TorchTensor tensor, long offset, Span<byte> into)
    {
        var width = tensor.Type.Bits() / 8;
        if (offset < 0 || offset > tensor.ByteCount - into.Length || offset % width != 0 || into.Length % width != 0)
            throw new ArgumentOutOfRangeException(nameof(offset), $"bytes {offset} to {offset + into.Length} of {tensor} with {tensor.ByteCount}");
        if (tensor.IsContiguous)
            archive.File.Read(tensor.Start + offset, into);
        else
        {
            // Mapped for this piece only: what is touched of the file does not add up over its tensors.
            using var map = new MappedFile(Path);
            StridedCopy.Read(map, tensor, offset / width, into);
        }
        if (archive.BigEndian)
            for (var at = 0; at < into.Length; at += width) into.Slice(at, width).Reverse();
    }

    /// <summary>One of the tensors, or a view of one, as a tensor that is read in pieces; good while the file is open.</summary>
    public StoredTensor Stored(TorchTensor tensor) => new InTorchFile(this, tensor);

    public void Dispose() => archive.Dispose();

    private List<TorchTensor> Bare() => archive.Root is PickleTensor view
        ? [View("", view)]
        : throw new DataException(Path, $"it holds {archive.Root.Kind}", "it must hold one tensor", "save the tensor itself with torch.save");

    private List<TorchTensor> Views()
    {
        if (archive.Root is not PickleDict dictionary)
            throw new DataException(Path, $"it holds {archive.Root.Kind}", "it must hold a dictionary of named tensors", "save model.state_dict() with torch.save");
        var names = new HashSet<string>(StringComparer.Ordinal);
        var tensors = new List<TorchTensor>();
        foreach (var (key, value) in dictionary.Entries)
        {
            if (key is not PickleText { Value: var name }) throw new DataException(Path, $"{key.Kind} as a tensor's name", "names must be texts");
            if (value is not PickleTensor view)
                throw new DataException(Path, $"'{Shown.Text(name)}' is {value.Kind}", "every entry must be a tensor", "save model.state_dict() with torch.save");
            if (!names.Add(name)) throw new DataException(Path, $"'{Shown.Text(name)}' stands twice", "names must be unique");
            tensors.Add(View(name, view));
        }
        return tensors;
    }

    private TorchTensor View(string name, PickleTensor view) =>
        new(name, view.Type, view.Sizes, view.Strides, archive.StartOf(view.Storage) + view.Offset * (view.Type.Bits() / 8));
}
