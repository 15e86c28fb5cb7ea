using Evo.Data;
using Evo.Models;

namespace Evo.Parallel;

/// <summary>Compares what a model wants with what a folder holds, before anything is loaded.</summary>
internal static class WeightCheck
{
    // Buffers that older files carry beside their weights and that the model computes itself.
    private static readonly string[] Buffers = [".rotary_emb.inv_freq", ".attn.bias", ".attn.masked_bias"];

    /// <summary>One line for every tensor that does not fit, in the order of the model and then of the files.</summary>
    public static List<string> Problems(IReadOnlyList<ModuleParameter> table, SafeTensorsFolder files)
    {
        var problems = new List<string>();
        foreach (var (info, name) in table.SelectMany(p => p.Info.HuggingFaceNames.Select(name => (p.Info, name))))
        {
            if (Stored(info, name, files) is not (_, var found))
                problems.Add($"{name}: missing, must be {Shape(info.HuggingFaceShape)}");
            else if (!found.Shape.SequenceEqual(info.HuggingFaceShape))
                problems.Add($"{name}: is {Shape(found.Shape)}, must be {Shape(info.HuggingFaceShape)}");
            else if (found.Type is not (SafeTensorType.F64 or SafeTensorType.F32 or SafeTensorType.F16 or SafeTensorType.BF16))
                problems.Add($"{name}: is {found.Type}, must be F64, F32, F16 or BF16");
        }

        var wanted = table.SelectMany(p => p.Info.HuggingFaceNames).ToHashSet(StringComparer.Ordinal);
        var tied = table.SelectMany(p => p.Info.TiedNames.Select(name => (name, p.Info.HuggingFaceName))).ToDictionary(p => p.name, p => p.HuggingFaceName, StringComparer.Ordinal);
        foreach (var name in files.Names.Where(n => !wanted.Contains(n) && !Buffers.Any(b => n.EndsWith(b, StringComparison.Ordinal))))
        {
            var (file, stored) = files.Find(name)!.Value;
            if (!tied.TryGetValue(name, out var shared))
                problems.Add($"{name}: unexpected, the model has no such tensor");
            else if (files.Find(shared) is (var other, var original) && !Same(file, stored, other, original))
                problems.Add($"{name}: differs from {shared}, though config.json ties them (tie_word_embeddings)");
        }
        return problems;
    }

    /// <summary>Where one of a parameter's tensors lies: under its name, or where a tied model's file kept only the other one, under that.</summary>
    public static (SafeTensors File, SafeTensor Tensor)? Stored(ParameterInfo info, string name, SafeTensorsFolder files) =>
        files.Find(name) ?? info.TiedNames.Select(files.Find).FirstOrDefault(f => f is not null);

    private static bool Same(SafeTensors file, SafeTensor a, SafeTensors other, SafeTensor b)
    {
        if (a.Type != b.Type || !a.Shape.SequenceEqual(b.Shape))
            return false;
        const int piece = 1 << 24;
        for (var at = 0L; at < a.ByteCount; at += piece)
        {
            var count = (int)Math.Min(piece, a.ByteCount - at);
            if (!file.Bytes(a, at, count).SequenceEqual(other.Bytes(b, at, count)))
                return false;
        }
        return true;
    }

    private static string Shape(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";
}
