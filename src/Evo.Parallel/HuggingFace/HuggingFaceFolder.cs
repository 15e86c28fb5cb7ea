using System.Text.Json;
using System.Text.Json.Nodes;
using Evo.Data;
using Evo.Models;
using Evo.Torch;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel;

/// <summary>
/// A model as Hugging Face lays it out: config.json beside model.safetensors, or beside shards with their index. Names,
/// shapes and transposes come from the model's generated parameter table.
/// </summary>
public static class HuggingFaceFolder
{
    /// <summary>The configuration's file.</summary>
    public const string ConfigFile = "config.json";

    /// <summary>Largest data of one weights file that <see cref="Save"/> writes unless told otherwise, as transformers does: 5 GB.</summary>
    public const long UsualShardBytes = 5_000_000_000;

    /// <summary>The model that a folder's config.json describes.</summary>
    /// <exception cref="DataException">There is no such file, or it is not JSON.</exception>
    /// <exception cref="ModelConfigException">No known family, or keys that the family refuses: all of them.</exception>
    public static CausalLM ReadConfig(string folder)
    {
        var path = Path.Combine(folder, ConfigFile);
        return ReadConfig(path, ReadJson(path));
    }

    /// <summary>The same for a config.json that lies anywhere; <paramref name="path"/> says where, for messages.</summary>
    public static CausalLM ReadConfig(string path, string json) => ReadConfig(path, ParseJson(path, json));

    private static CausalLM ReadConfig(string path, JsonObject json)
    {
        var names = json["architectures"] is JsonArray list
            ? list.OfType<JsonValue>().Select(v => v.TryGetValue<string>(out var s) ? s : "").Where(s => s != "").ToList()
            : [];
        if (names.Count == 0 && json["model_type"] is JsonValue type && type.TryGetValue<string>(out var only))
            names.Add(only);
        var family = names.Select(name => ModelFamilies.Find(name)).OfType<ModelFamily>().FirstOrDefault();
        if (family is null)
            throw new ModelConfigException(path, [
                $"architectures = {json["architectures"]?.ToJsonString() ?? "null"}, model_type = {json["model_type"]?.ToJsonString() ?? "null"}: "
                + $"no known family; known are {string.Join(", ", ModelFamilies.All.Select(f => f.Architecture))}"]);
        try
        {
            return family.FromHuggingFace(json);
        }
        catch (ModelConfigException error)
        {
            throw new ModelConfigException(path, error.Problems);
        }
    }

    /// <summary>
    /// Fills every parameter from the folder's weights, cast to its type. Strict: tensors that are missing, unexpected, of
    /// another shape or not of a floating point type are all reported at once, and nothing is loaded then. A tied model's
    /// file may repeat the shared tensor under its other name if it holds the same numbers.
    /// </summary>
    /// <exception cref="DataException">The files are not there or damaged, or do not fit the model.</exception>
    public static void LoadWeights(CausalLMModule module, string folder)
    {
        using var files = SafeTensorsFolder.Open(folder);
        RequireFit(folder, module.Spec, WeightCheck.Problems(module.Spec.Parameters, files));
        Fill(module, (info, name) =>
        {
            var (file, stored) = WeightCheck.Stored(info, name, files)!.Value;
            return TensorFiles.View(file, stored);
        });
    }

    /// <summary>Fills every parameter of a rank from tensors by Hugging Face's names, cast to its type.</summary>
    /// <param name="module">The model, or a rank's share of it.</param>
    /// <param name="read">Gives one of a parameter's tensors, whole; it goes with the scope that it was made in.</param>
    internal static void Fill(CausalLMModule module, Func<ParameterInfo, string, Tensor> read)
    {
        using (no_grad())
            foreach (var (info, value) in module.Table)
            {
                using var scope = NewDisposeScope();
                // A rank that holds a share reads the whole and keeps its part of it.
                var cut = ParameterLayout.CutsOf(info, module.Ranks).Count > 0;
                var whole = cut ? empty([.. info.Shape], value.dtype, value.device) : value;
                foreach (var (name, piece) in TensorFiles.Pieces(info, whole))
                {
                    var tensor = read(info, name);
                    piece.copy_(info.Transposed ? tensor.t() : tensor);
                }

                if (cut)
                    value.copy_(ParameterLayout.Share(info, whole, module.Ranks));
            }
    }

    /// <summary>
    /// Writes config.json and the weights, in the module's type or the given one. The folder is made where it is not there;
    /// each file gets its name only when it is complete.
    /// </summary>
    /// <param name="module">The model.</param>
    /// <param name="folder">Where to.</param>
    /// <param name="dtype">Type in the file; null for each parameter's own.</param>
    /// <param name="maxShardBytes">Largest data of one file.</param>
    /// <exception cref="DataException">The disk is full, or not to be written.</exception>
    public static void Save(CausalLMModule module, string folder, ScalarType? dtype = null, long maxShardBytes = UsualShardBytes)
    {
        var values = module.Table.ToDictionary(p => p.Info.Name, p => p.Value, StringComparer.Ordinal);
        Save(module.Spec, info => values[info.Name].alias(), folder, dtype ?? module.Options.Dtype, maxShardBytes);
    }

    /// <summary>The same for weights that lie anywhere: each is asked for once, in the order of the model's parameters, and disposed when it is written.</summary>
    public static void Save(CausalLM spec, Func<ParameterInfo, Tensor> whole, string folder, ScalarType type, long maxShardBytes = UsualShardBytes)
    {
        Directory.CreateDirectory(folder);
        WriteConfig(folder, spec, TensorFiles.TorchName(type));

        var infos = spec.Parameters;
        var byName = infos.SelectMany(info => info.HuggingFaceNames.Select(name => (name, info))).ToDictionary(p => p.name, p => p.info, StringComparer.Ordinal);
        var plans = infos.SelectMany(info => info.HuggingFaceNames.Select(name => new SafeTensorPlan(name, TensorFiles.FileType(type), info.HuggingFaceShape)));
        var shards = SafeTensorsIndex.Shards(plans, maxShardBytes);
        (ParameterInfo Info, Tensor Value)? held = null;
        using (no_grad())
        {
            foreach (var (name, planned) in shards)
            {
                using var writer = new SafeTensorsWriter(Path.Combine(folder, name), planned);
                foreach (var tensor in planned)
                {
                    var info = byName[tensor.Name];
                    if (held?.Info != info)
                    {
                        held?.Value.Dispose();
                        held = (info, whole(info));
                    }

                    TensorFiles.Write(writer, tensor.Name, info, held!.Value.Value, type);
                }

                writer.Complete();
            }

            held?.Value.Dispose();
        }

        // An index of an earlier, sharded save would hide the single file.
        var index = Path.Combine(folder, SafeTensorsFolder.IndexFile);
        if (shards.Count > 1)
            SafeTensorsIndex.Write(folder, shards);
        else if (File.Exists(index))
            File.Delete(index);
    }

    /// <summary>Throws the one error that lists everything about a folder's tensors that does not fit its model.</summary>
    internal static void RequireFit(string folder, CausalLM spec, IReadOnlyList<string> problems)
    {
        if (problems.Count > 0)
            throw new DataException(
                folder,
                problems.Count == 1 ? problems[0] : $"{problems.Count} tensors do not fit:\n  " + string.Join("\n  ", problems) + "\n",
                $"it must hold exactly the tensors of {spec.Family.Architecture} as its config.json describes it",
                "compare config.json with the weights, or fetch both from one place");
    }

    /// <summary>Writes the config.json of a model whose weights have a type of that name.</summary>
    internal static void WriteConfig(string folder, CausalLM spec, string type)
    {
        var config = spec.ToHuggingFace();
        config["torch_dtype"] = type;
        WriteConfig(folder, config);
    }

    /// <summary>Writes config.json; it has its name only when it is complete.</summary>
    internal static void WriteConfig(string folder, JsonObject config)
    {
        using var file = new AtomicFile(Path.Combine(folder, ConfigFile));
        file.Stream.Write(JsonSerializer.SerializeToUtf8Bytes(config, Indented));
        file.Stream.WriteByte((byte)'\n');
        file.Complete();
    }

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    internal static JsonObject ReadJson(string path)
    {
        try
        {
            return ParseJson(path, File.ReadAllText(path));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw DataException.FromSystem(path, "read", error);
        }
    }

    private static JsonObject ParseJson(string path, string text)
    {
        try
        {
            return JsonNode.Parse(text) as JsonObject
                ?? throw new DataException(path, "it is no JSON object", "a configuration is one JSON object");
        }
        catch (Exception error) when (error is JsonException or ArgumentException)
        {
            throw new DataException(path, $"not valid JSON: {error.Message}", "a configuration is one JSON object", "fetch the file again", error);
        }
    }
}
