using System.Text.Json;
using System.Text.Json.Serialization;
using Evo.Data;

namespace Evo.Parallel;

/// <summary>One file that a step of the preparation made.</summary>
internal sealed record StampedFile(string Name, long Bytes);

/// <summary>
/// Says what a step made and of what. A step is up to date when its stamp names the same inputs and its files are there with
/// the same sizes. The stamp is written last, so that an interrupted step runs again.
/// </summary>
/// <param name="Inputs">Everything that the outputs are a function of, as text.</param>
/// <param name="Outputs">The files, relative to the prepared folder.</param>
internal sealed record Stamp(string Inputs, IReadOnlyList<StampedFile> Outputs)
{
    internal static bool IsCurrent(string folder, PreparationStep step, string inputs)
    {
        var path = PathOf(folder, step);
        if (!File.Exists(path))
        {
            return false;
        }

        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), StampJson.Default.Stamp) is { Outputs: not null } stamp
                && stamp.Inputs == inputs
                && stamp.Outputs.All(file => new FileInfo(Path.Combine(folder, file.Name)) is { Exists: true } found && found.Length == file.Bytes);
        }
        catch (JsonException)
        {
            // Cut short or altered: the step runs again and writes a new one.
            return false;
        }
    }

    internal static void Remove(string folder, PreparationStep step) => File.Delete(PathOf(folder, step));

    internal static void Write(string folder, PreparationStep step, string inputs, IEnumerable<string> outputs)
    {
        var stamp = new Stamp(inputs, [.. outputs.Select(name => new StampedFile(name, new FileInfo(Path.Combine(folder, name)).Length))]);
        using var file = new AtomicFile(PathOf(folder, step), durable: true);
        JsonSerializer.Serialize(file.Stream, stamp, StampJson.Default.Stamp);
        file.Complete();
    }

    private static string PathOf(string folder, PreparationStep step) => Path.Combine(folder, $"prepared-{(int)step + 1}-{step}.json".ToLowerInvariant());
}

[JsonSourceGenerationOptions(WriteIndented = true)]
[JsonSerializable(typeof(Stamp))]
internal sealed partial class StampJson : JsonSerializerContext;
