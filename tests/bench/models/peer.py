"""The workloads of workloads.cpp with PyTorch, transformers and peft: peer.py WORKLOAD DTYPE.

Speaks as worker.h says: "ready", then wall and processor seconds for every "go", peak KiB at "end".
"""
import resource
import sys
import time

import torch

FP32, BF16 = torch.float32, torch.bfloat16


def internvit(dtype):
    from transformers import InternVLVisionConfig, InternVLVisionModel

    config = InternVLVisionConfig(
        hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, intermediate_size=4096,
        image_size=[448, 448], patch_size=[14, 14], attention_bias=True, layer_norm_eps=1e-6,
        use_mask_token=False, use_absolute_position_embeddings=True, use_mean_pooling=True,
        attn_implementation="sdpa")
    model = InternVLVisionModel(config).to(dtype).eval()
    pixels = torch.rand(1, 3, 448, 448).to(dtype)

    def iterate():
        with torch.no_grad():
            model(pixels)
    return iterate


def qwen2(dtype, checkpointing=False):
    from peft import LoraConfig, get_peft_model
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=151679, hidden_size=896, intermediate_size=4864, num_hidden_layers=24,
        num_attention_heads=14, num_key_value_heads=2, rope_theta=1e6, rms_norm_eps=1e-6,
        tie_word_embeddings=False, attn_implementation="sdpa", use_cache=False)
    model = Qwen2ForCausalLM(config).to(dtype)
    targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    model = get_peft_model(model, LoraConfig(r=128, lora_alpha=256, lora_dropout=0.05,
                                             target_modules=targets), autocast_adapter_dtype=False)
    model.train()
    if checkpointing:
        model.enable_input_require_grads()
        model.gradient_checkpointing_enable({"use_reentrant": False})
    length, labels = 1024, 128
    ids = torch.arange(length).view(1, length)
    target = ids[0, length - labels:]
    trained = [p for p in model.parameters() if p.requires_grad]

    def iterate():
        # Logits where there is a label and nowhere else.
        logits = model(input_ids=ids, logits_to_keep=slice(length - labels - 1, length - 1)).logits
        loss = torch.nn.functional.cross_entropy(logits[0].float(), target)
        torch.autograd.grad(loss, trained)
    return iterate


def hiera_config(size):
    from transformers import Sam2HieraDetConfig, Sam2VisionConfig

    if size == "large":
        backbone = Sam2HieraDetConfig(
            hidden_size=144, num_attention_heads=2, blocks_per_stage=[2, 6, 36, 4],
            embed_dim_per_stage=[144, 288, 576, 1152], num_attention_heads_per_stage=[2, 4, 8, 16],
            window_size_per_stage=[8, 4, 16, 8], global_attention_blocks=[23, 33, 43],
            attn_implementation="sdpa")
        channels = [1152, 576, 288, 144]
    else:
        backbone = Sam2HieraDetConfig(attn_implementation="sdpa")
        channels = [768, 384, 192, 96]
    return Sam2VisionConfig(backbone_config=backbone, backbone_channel_list=channels,
                            attn_implementation="sdpa")


def hiera(dtype):
    from transformers import Sam2VisionModel

    model = Sam2VisionModel(hiera_config("large")).to(dtype).eval()
    image = torch.rand(1, 3, 1024, 1024).to(dtype)

    def iterate():
        with torch.no_grad():
            model(image)
    return iterate


def mask_decoder(dtype):
    from transformers.models.sam2.configuration_sam2 import Sam2MaskDecoderConfig
    from transformers.models.sam2.modeling_sam2 import Sam2MaskDecoder

    config = Sam2MaskDecoderConfig()
    config._attn_implementation = "sdpa"
    decoder = Sam2MaskDecoder(config).to(dtype)
    frames, objects = 5, 5
    src = torch.rand(frames, 256, 64, 64).to(dtype)
    p1 = torch.rand(frames, 256, 256, 256).to(dtype)
    p2 = torch.rand(frames, 256, 128, 128).to(dtype)
    pe = torch.rand(1, 256, 64, 64).to(dtype).expand(frames, -1, -1, -1)
    sparse = torch.rand(frames, objects, 3, 256).to(dtype).requires_grad_(True)
    dense = torch.rand(1, 256, 1, 1).to(dtype)
    trained = [p for n, p in decoder.named_parameters()
               if "iou_prediction_head" not in n and "obj_score_head" not in n] + [sparse]

    def iterate():
        high = [decoder.conv_s0(p1), decoder.conv_s1(p2)]
        masks, iou, _, _ = decoder(src, pe, sparse, dense, True, high)
        best = iou.argmax(-1)[..., None, None, None].expand(-1, -1, 1, *masks.shape[-2:])
        chosen = masks.gather(2, best)
        torch.autograd.grad(chosen.float().mean(), trained, allow_unused=True)
    return iterate


def tracking(dtype):
    from transformers import Sam2VideoConfig, Sam2VideoModel
    from transformers.models.sam2_video.modeling_sam2_video import Sam2VideoInferenceSession

    config = Sam2VideoConfig(vision_config=hiera_config("tiny"), attn_implementation="sdpa")
    model = Sam2VideoModel(config).to(dtype).eval()
    frames = 64
    video = torch.rand(1, 3, 1024, 1024).expand(frames, -1, -1, -1)
    session = Sam2VideoInferenceSession(video=None, video_height=1024, video_width=1024, dtype=dtype)
    session.processed_frames = {i: video[0].to(dtype) for i in range(1)}
    for i in range(1, frames):
        session.processed_frames[i] = session.processed_frames[0]
    session.obj_id_to_idx(1)
    session.add_point_inputs(0, 0, {"point_coords": torch.full((1, 1, 1, 2), 512.0),
                                    "point_labels": torch.ones(1, 1, 1, dtype=torch.int32)})
    session.obj_with_new_inputs = [1]
    state = {"frame": 0}

    def iterate():
        with torch.inference_mode():
            model(inference_session=session, frame_idx=state["frame"])
        state["frame"] += 1
    for _ in range(8):
        iterate()
    return iterate


WORKLOADS = {"internvit": internvit, "qwen2": qwen2, "hiera": hiera, "mask_decoder": mask_decoder,
             "tracking": tracking, "qwen2_recompute": lambda dtype: qwen2(dtype, True)}


def main():
    torch.set_num_threads(1)
    iterate = WORKLOADS[sys.argv[1]](BF16 if sys.argv[2] == "bf16" else FP32)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() != "go":
            break
        cpu, wall = time.process_time(), time.perf_counter()
        iterate()
        print(f"{time.perf_counter() - wall:.6f} {time.process_time() - cpu:.6f}", flush=True)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)


main()
