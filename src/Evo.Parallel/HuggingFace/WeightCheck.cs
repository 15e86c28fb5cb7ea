using Evo.Data;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>Compares what a model wants with what a folder holds, before anything is loaded.</summary>
internal static class WeightCheck
{
    // Buffers that older files carry beside their weights and that the model computes itself.
    private static readonly string[] Buffers = [".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias"];

    /// <summary>One line for every tensor that does not fit, in the order of the model and then of the files.</summary>
    public static List<string> Problems(IReadOnlyList<ParameterInfo> parameters, SafeTensorsFolder files) =>
        Problems(FileTensor.Of(parameters), files);

    /// <summary>The same for weights that lie anywhere.</summary>
    public static List<string> Problems(IReadOnlyList<FileTensor> wanted, IStoredTensors files)
    {
        var problems = new List<string>();
        foreach (var tensor in wanted)
        {
            if (Stored(tensor, files) is not { } found)
                problems.Add($"{tensor.Name}: missing, must be {Shape(tensor.Shape)}");
            else if (!found.Shape.SequenceEqual(tensor.Shape))
                problems.Add($"{tensor.Name}: is {Shape(found.Shape)}, must be {Shape(tensor.Shape)}");
            else if (found.Type is not (SafeTensorType.F64 or SafeTensorType.F32 or SafeTensorType.F16 or SafeTensorType.BF16))
                problems.Add($"{tensor.Name}: is {found.Type}, must be F64, F32, F16 or BF16");
        }

        var names = wanted.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        var tied = wanted.SelectMany(tensor => tensor.TiedNames.Select(name => (name, tensor.Name))).ToDictionary(p => p.name, p => p.Name, StringComparer.Ordinal);
        foreach (var name in files.Names.Where(name => !names.Contains(name) && !IsBuffer(name)))
        {
            var stored = files.Find(name)!;
            if (!tied.TryGetValue(name, out var shared))
                problems.Add($"{name}: unexpected, the model has no such tensor; it is {stored.Type} {Shape(stored.Shape)}");
            else if (files.Find(shared) is { } original && !stored.Same(original))
                problems.Add($"{name}: differs from {shared}, though config.json ties them (tie_word_embeddings)");
        }
        return problems;
    }

    private static bool IsBuffer(string name) => Buffers.Any(buffer => name.EndsWith(buffer, StringComparison.Ordinal));

    /// <summary>Where a tensor lies: under its name, or where a tied model's file kept only the other one, under that.</summary>
    public static StoredTensor? Stored(FileTensor tensor, IStoredTensors files) =>
        files.Find(tensor.Name) ?? tensor.TiedNames.Select(files.Find).FirstOrDefault(found => found is not null);

    /// <summary>Where one of a parameter's tensors lies: under its name, or where a tied model's file kept only the other one, under that.</summary>
    public static (SafeTensors File, SafeTensor Tensor)? Stored(ParameterInfo info, string name, SafeTensorsFolder files) =>
        files.Find(name) ?? info.TiedNames.Select(files.Find).FirstOrDefault(f => f is not null);

    private static string Shape(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";
}
