using Evo.Data;
using Evo.Models;
using TorchSharp;
using static TorchSharp.torch;

namespace Evo.Parallel.Verification;

/// <summary>
/// Compares a model with figures that other code computed: every quantity in the files, whatever it is. What is in a file
/// and could not be compared is a failure, never skipped.
/// </summary>
public static class Verifier
{
    // What a set is computed from rather than compared with.
    private static readonly string[] Inputs = ["input_ids", "labels", "position_ids", "cu_seqlens", "attention_mask"];

    /// <summary>Loads the folder, computes and compares.</summary>
    /// <exception cref="DataException">A file is missing or damaged, or weights do not fit the configuration.</exception>
    /// <exception cref="ModelConfigException">The configuration is refused.</exception>
    public static VerifyReport Run(VerifyOptions options)
    {
        var spec = HuggingFaceFolder.ReadConfig(options.Folder);
        using var module = spec.Build(new BuildOptions { Dtype = options.Dtype, Device = options.Device, RecomputeFraction = options.RecomputeFraction });
        HuggingFaceFolder.LoadWeights(module, options.Folder);
        // Dropout off; recompute acts only in training, and training differs in nothing else where nothing drops.
        module.train(options.RecomputeFraction > 0);
        var quantities = Compare(module, options.GoldenFile, "golden");
        if (options.PackedFile is { } packed)
            quantities.AddRange(Compare(module, packed, "packed"));
        return new VerifyReport(spec.Family.Architecture, spec.ParameterCount, TensorFiles.TorchName(options.Dtype), options.Strict, quantities);
    }

    private static List<VerifiedQuantity> Compare(CausalLMModule module, string path, string set)
    {
        using var file = SafeTensors.Open(path);
        using var scope = NewDisposeScope();
        var computed = Compute(module, file);
        var quantities = file.Tensors.Where(t => !Inputs.Contains(t.Name))
            .OrderBy(t => Order(t.Name)).ThenBy(t => t.Name, StringComparer.Ordinal)
            .Select(t => Compare(file, t, computed.GetValueOrDefault(t.Name), set, module.Spec.Family.Architecture)).ToList();
        if (quantities.Count == 0)
            throw new DataException(path, "no quantities", "a figures file holds logits, loss, hidden states or gradients", "check the file");
        return quantities;
    }

    internal static int Order(string name) => name switch
    {
        "logits" => 0,
        "loss" => 1,
        _ when name.StartsWith("hidden.", StringComparison.Ordinal) => 2,
        _ => 3,
    };

    private static VerifiedQuantity Compare(SafeTensors file, SafeTensor expected, Tensor? found, string set, string architecture)
    {
        using var scope = NewDisposeScope();
        if (Tolerance.Of(expected.Name, architecture) is not { } tolerance)
            return Failed("unknown", "not compared: this name has no meaning in a figures file");
        if (found is null)
            return Failed(tolerance.Kind, "not compared: this model does not compute it");
        if (!found.shape.SequenceEqual(expected.Shape))
            return Failed(tolerance.Kind, $"not compared: the file has [{string.Join(", ", expected.Shape)}], the model [{string.Join(", ", found.shape)}]");
        var wanted = TensorFiles.Read(file, expected.Name, float64);
        var largest = wanted.numel() == 0 ? 0 : wanted.abs().max().item<double>();
        var error = wanted.numel() == 0 ? 0 : (found.detach().cpu().to(float64) - wanted).abs().max().item<double>();
        // A comparison with NaN is false both ways: count it as the worst error there is.
        error = double.IsNaN(error) ? double.PositiveInfinity : error;
        return new(set, expected.Name, tolerance.Kind, error, largest, tolerance.AcceptUpTo(largest), tolerance.StrictUpTo(largest), null);

        VerifiedQuantity Failed(string kind, string problem) => new(set, expected.Name, kind, double.PositiveInfinity, double.NaN, 0, 0, problem);
    }

    // Everything that the model computes of a set's inputs, by the names that figures files use.
    private static Dictionary<string, Tensor> Compute(CausalLMModule module, SafeTensors file)
    {
        var device = module.Options.Device!;
        var ids = Input(file, "input_ids", int64).to(device);
        var labels = Input(file, "labels", int64).to(device);
        var packed = file.Find("cu_seqlens") is not null;
        using var at = packed
            ? Positions.Packed(Input(file, "cu_seqlens", int32), Input(file, "position_ids", int64).to(device))
            : Positions.Sequential((int)ids.shape[0], (int)ids.shape[1], device);
        if (!packed)
            labels = Shifted(labels);

        var computed = new Dictionary<string, Tensor>(StringComparer.Ordinal);
        using (no_grad())
        {
            var (states, routers) = (new List<Tensor>(), new List<RouterOutput>());
            var hidden = module.Hidden(ids, at, states, routers);
            computed["logits"] = module.Logits(hidden);
            computed["hidden.final"] = hidden;
            for (int i = 0; i < states.Count; i++)
                computed[$"hidden.{i}"] = states[i];
            foreach (var router in routers)
                computed[$"router_logits.{router.Layer}"] = router.Logits.flatten(0, -2);
        }

        module.zero_grad();
        var (sum, count, _, _, auxiliary) = module.LossWithRouters(ids, labels, at);
        var loss = sum / count;
        loss.backward(retain_graph: auxiliary is not null);
        computed["loss"] = loss;
        Gradients(module, "grad.", computed);
        if (auxiliary is not null)
        {
            module.zero_grad();
            auxiliary.Balance.backward();
            computed["aux_loss"] = auxiliary.Balance;
            computed["loss_total"] = loss + module.Spec.RouterLoss.Coefficient * auxiliary.Balance;
            Gradients(module, "aux_grad.", computed);
        }
        return computed;
    }

    // Copies: the next backward pass writes over the gradients. A parameter that a loss does not depend on has zeros.
    private static void Gradients(CausalLMModule module, string prefix, Dictionary<string, Tensor> computed)
    {
        foreach (var (info, value) in module.Table)
        {
            var gradient = value.grad?.clone() ?? zeros_like(value);
            foreach (var (name, piece) in TensorFiles.Pieces(info, gradient))
                foreach (var known in info.TiedNames.Prepend(name))
                    computed[prefix + known] = info.Transposed ? piece.t() : piece;
        }
    }

    internal static Tensor Input(SafeTensors file, string name, ScalarType dtype)
    {
        if (file.Find(name) is null)
            throw new DataException(file.Path, $"no tensor '{name}'", "a figures file holds its inputs: input_ids and labels, packed ones position_ids and cu_seqlens too");
        return TensorFiles.Read(file, name, dtype);
    }

    // Position t predicts label t + 1; the last position predicts nothing.
    internal static Tensor Shifted(Tensor labels_BT)
    {
        var next = full_like(labels_BT, -100);
        using var room = next.narrow(1, 0, labels_BT.shape[1] - 1);
        room.copy_(labels_BT.narrow(1, 1, labels_BT.shape[1] - 1));
        return next;
    }
}
