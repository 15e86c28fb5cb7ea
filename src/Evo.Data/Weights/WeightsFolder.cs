namespace Evo.Data;

/// <summary>
/// The weights of a model folder, whichever way they are kept: safetensors, or PyTorch's .bin; in one file, or in shards under
/// an index. Safetensors win where both are there.
/// </summary>
public sealed class WeightsFolder : IStoredTensors, IDisposable
{
    /// <summary>PyTorch's single file.</summary>
    public const string TorchFileName = "pytorch_model.bin";

    /// <summary>PyTorch's index of shards.</summary>
    public const string TorchIndexName = "pytorch_model.bin.index.json";

    private readonly List<IDisposable> files = [];
    private readonly Dictionary<string, StoredTensor> byName = new(StringComparer.Ordinal);

    /// <summary>The folder as it was given.</summary>
    public string Path { get; }

    /// <summary>Every name, in ordinal order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>Whether the weights lie in PyTorch's files.</summary>
    public bool IsTorch { get; }

    /// <summary>
    /// Opens the folder's files. Throws <see cref="DataException"/> when there are none, one is missing or damaged, a pickle asks
    /// for more than tensors, or index and shards disagree.
    /// </summary>
    public static WeightsFolder Open(string folder) => new(folder);

    private WeightsFolder(string folder)
    {
        Path = folder;
        bool Has(string name) => File.Exists(System.IO.Path.Combine(folder, name));
        try
        {
            IsTorch = !Has(SafeTensorsFolder.IndexFile) && !Has(SafeTensorsFolder.SingleFile);
            if (!IsTorch) AddSafeTensors(SafeTensorsFolder.Open(folder));
            else if (Has(TorchIndexName)) AddTorchShards(System.IO.Path.Combine(folder, TorchIndexName));
            else if (Has(TorchFileName)) AddTorch(System.IO.Path.Combine(folder, TorchFileName));
            else
                throw new DataException(folder,
                    $"it holds none of {SafeTensorsFolder.SingleFile}, {SafeTensorsFolder.IndexFile}, {TorchFileName}, {TorchIndexName}",
                    "a model folder must hold its weights in one of these ways", "check the path");
        }
        catch
        {
            Dispose();
            throw;
        }
        Names = byName.Keys.Order(StringComparer.Ordinal).ToList().AsReadOnly();
    }

    /// <summary>The tensor of that name, or null.</summary>
    public StoredTensor? Find(string name) => byName.GetValueOrDefault(name);

    public void Dispose()
    {
        foreach (var file in files) file.Dispose();
    }

    private void AddSafeTensors(SafeTensorsFolder folder)
    {
        files.Add(folder);
        foreach (var name in folder.Names) byName.Add(name, ((IStoredTensors)folder).Find(name)!);
    }

    private void AddTorchShards(string index)
    {
        var weightMap = SafeTensorsIndex.Read(index);
        foreach (var shard in weightMap.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            AddTorch(System.IO.Path.Combine(Path, shard));
        SafeTensorsIndex.RequireAgreement(index, weightMap, byName.ToDictionary(entry => entry.Key, entry => entry.Value.File));
    }

    private void AddTorch(string path)
    {
        var file = TorchFile.Open(path);
        files.Add(file);
        foreach (var tensor in file.Tensors)
            if (!byName.TryAdd(tensor.Name, new InTorchFile(file, tensor)))
                throw new DataException(path, $"tensor '{Shown.Text(tensor.Name)}' is also in {byName[tensor.Name].File}", "a tensor must be in one shard");
    }
}
