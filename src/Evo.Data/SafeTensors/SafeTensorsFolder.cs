using System.Text.Json;

namespace Evo.Data;

/// <summary>
/// The weights of a model folder as one set of named tensors, whether they lie in <c>model.safetensors</c> or in
/// shards under <c>model.safetensors.index.json</c>.
/// </summary>
public sealed class SafeTensorsFolder : IStoredTensors, IDisposable
{
    /// <summary>The name of the single file.</summary>
    public const string SingleFile = "model.safetensors";

    /// <summary>The name of the index of shards.</summary>
    public const string IndexFile = "model.safetensors.index.json";

    private readonly List<SafeTensors> files = [];
    private readonly Dictionary<string, (SafeTensors File, SafeTensor Tensor)> byName = new(StringComparer.Ordinal);

    /// <summary>The folder as it was given.</summary>
    public string Path { get; }

    /// <summary>Every name, in ordinal order.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>
    /// Opens the folder's files. The index wins where both it and the single file are there. Throws
    /// <see cref="DataException"/> when neither is there, a shard is missing or damaged, or index and shards disagree.
    /// </summary>
    public static SafeTensorsFolder Open(string folder) => new(folder);

    private SafeTensorsFolder(string folder)
    {
        Path = folder;
        try
        {
            var index = System.IO.Path.Combine(folder, IndexFile);
            var single = System.IO.Path.Combine(folder, SingleFile);
            if (File.Exists(index)) OpenShards(index);
            else if (File.Exists(single)) Add(SafeTensors.Open(single));
            else
                throw new DataException(folder, $"it holds neither {SingleFile} nor {IndexFile}",
                    "a model folder must hold its weights as safetensors",
                    "check the path; evo convert --from-hf makes safetensors of PyTorch's .bin files");
        }
        catch
        {
            Dispose();
            throw;
        }
        Names = byName.Keys.Order(StringComparer.Ordinal).ToList().AsReadOnly();
    }

    /// <summary>The file and the tensor of that name, or null.</summary>
    public (SafeTensors File, SafeTensor Tensor)? Find(string name) => byName.TryGetValue(name, out var found) ? found : null;

    StoredTensor? IStoredTensors.Find(string name) => Find(name) is var (file, tensor) ? new InSafeTensors(file, tensor) : null;

    public void Dispose()
    {
        foreach (var file in files) file.Dispose();
    }

    private void Add(SafeTensors file)
    {
        files.Add(file);
        foreach (var tensor in file.Tensors)
            if (!byName.TryAdd(tensor.Name, (file, tensor)))
                throw new DataException(file.Path, $"tensor '{tensor.Name}' is also in {byName[tensor.Name].File.Path}", "a tensor must be in one shard");
    }

    private void OpenShards(string index)
    {
        var weightMap = SafeTensorsIndex.Read(index);
        foreach (var shard in weightMap.Values.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal))
            Add(SafeTensors.Open(System.IO.Path.Combine(Path, shard)));
        SafeTensorsIndex.RequireAgreement(index, weightMap, byName.ToDictionary(entry => entry.Key, entry => entry.Value.File.Path));
    }
}

/// <summary>The index of a model whose weights lie in several safetensors files.</summary>
public static class SafeTensorsIndex
{
    /// <summary>Reads an index: tensor name to file name. Throws <see cref="DataException"/> where it is not one.</summary>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        const string next = "the index is damaged: copy or download it again";
        byte[] bytes;
        try
        {
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception error) when (DataException.IsFromSystem(error))
        {
            throw DataException.FromSystem(path, "read", error);
        }
        try
        {
            using var document = JsonDocument.Parse(bytes);
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
                throw new DataException(path, "no object 'weight_map'", "an index must map each tensor to its file", next);
            var weightMap = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var entry in map.EnumerateObject())
            {
                var file = entry.Value.ValueKind == JsonValueKind.String ? entry.Value.GetString()! : "";
                // A plain name only: an index must not be able to point out of its folder.
                if (file is "" or "." or ".." || file.AsSpan().IndexOfAny('/', '\\', '\0') >= 0)
                    throw new DataException(path, $"weight_map '{entry.Name}' is {entry.Value.GetRawText()}",
                        "it must be the plain name of a file in the same folder", next);
                if (!weightMap.TryAdd(entry.Name, file))
                    throw new DataException(path, $"weight_map '{entry.Name}' stands twice", "names must be unique", next);
            }
            return weightMap.AsReadOnly();
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new DataException(path, $"not valid JSON: {error.Message}", "an index is a JSON object", next, error);
        }
    }

    /// <summary>Checks that an index says of every tensor which file holds it, and that nothing else is in these files.</summary>
    /// <param name="index">The index's path.</param>
    /// <param name="weightMap">What it says.</param>
    /// <param name="found">Tensor name to the path of the file that holds it.</param>
    internal static void RequireAgreement(string index, IReadOnlyDictionary<string, string> weightMap, IReadOnlyDictionary<string, string> found)
    {
        const string rule = "index and shards must agree", next = "copy the index and all shards again";
        foreach (var (name, shard) in weightMap)
            if (!found.TryGetValue(name, out var file) || Path.GetFileName(file) != shard)
                throw new DataException(index, $"weight_map says that '{name}' is in {shard}, but it is not", rule, next);
        foreach (var (name, file) in found)
            if (!weightMap.ContainsKey(name))
                throw new DataException(file, $"tensor '{name}' is not in {Path.GetFileName(index)}", rule, next);
    }

    /// <summary>Distributes tensors over files of at most a given size, in the order given.</summary>
    /// <param name="tensors">What will be written.</param>
    /// <param name="maxShardBytes">The largest size of a file's data; a larger tensor has a file to itself.</param>
    /// <returns>One list a file; one list alone is the single file <see cref="SafeTensorsFolder.SingleFile"/>.</returns>
    public static IReadOnlyList<(string File, IReadOnlyList<SafeTensorPlan> Tensors)> Shards(
        IEnumerable<SafeTensorPlan> tensors, long maxShardBytes)
    {
        var shards = new List<List<SafeTensorPlan>> { new() };
        var bytes = 0L;
        foreach (var tensor in tensors)
        {
            if (shards[^1].Count > 0 && bytes + tensor.ByteCount > maxShardBytes)
            {
                shards.Add([]);
                bytes = 0;
            }
            shards[^1].Add(tensor);
            bytes += tensor.ByteCount;
        }
        return shards.Select((shard, i) => (
            FileName(i, shards.Count),
            (IReadOnlyList<SafeTensorPlan>)shard)).ToList();
    }

    /// <summary>The name of one of some weights files, counted from 0.</summary>
    public static string FileName(int file, int count) =>
        count == 1 ? SafeTensorsFolder.SingleFile : $"model-{file + 1:00000}-of-{count:00000}.safetensors";

    /// <summary>Writes the index of shards that <see cref="Shards"/> made, under the name that loaders look for.</summary>
    public static void Write(string folder, IReadOnlyList<(string File, IReadOnlyList<SafeTensorPlan> Tensors)> shards, bool durable = true)
    {
        using var file = new AtomicFile(Path.Combine(folder, SafeTensorsFolder.IndexFile), durable);
        using (var json = new Utf8JsonWriter(file.Stream, new JsonWriterOptions { Indented = true, NewLine = "\n" }))
        {
            json.WriteStartObject();
            json.WriteStartObject("metadata");
            json.WriteNumber("total_size", shards.Sum(shard => shard.Tensors.Sum(tensor => tensor.ByteCount)));
            json.WriteEndObject();
            json.WriteStartObject("weight_map");
            foreach (var (name, shard) in shards.SelectMany(shard => shard.Tensors.Select(tensor => (tensor.Name, shard.File)))
                         .OrderBy(entry => entry.Name, StringComparer.Ordinal))
                json.WriteString(name, shard);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        file.Complete();
    }
}
