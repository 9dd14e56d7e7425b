/* A security key in software, for the tests: the provider that ssh(1) loads with SecurityKeyProvider (OpenSSH, sk-api.h,
   version 10). Its handle of a key is the private key itself, so it keeps nothing and protects nothing. */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ED25519 = 1, FAILED = -1, NO_SUCH_KEY = -2 };

struct enrolled {
  uint8_t flags;
  uint8_t *public_key;
  size_t public_key_size;
  uint8_t *handle;
  size_t handle_size;
  uint8_t *signature;
  size_t signature_size;
  uint8_t *certificate;
  size_t certificate_size;
  uint8_t *authenticator_data;
  size_t authenticator_data_size;
};

struct signed_by {
  uint8_t flags;
  uint32_t counter;
  uint8_t *r;
  size_t r_size;
  uint8_t *s;
  size_t s_size;
};

uint32_t sk_api_version(void) { return 0x000a0000; }

int sk_enroll(uint32_t kind, const uint8_t *challenge, size_t challenge_size, const char *application, uint8_t flags,
              const char *pin, void **options, struct enrolled **result) {
  (void)challenge, (void)challenge_size, (void)application, (void)pin, (void)options;
  EVP_PKEY *key = kind == ED25519 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519") : NULL;
  struct enrolled *made = calloc(1, sizeof *made);
  if (!key || !made) return FAILED;
  made->flags = flags;
  made->public_key = malloc(made->public_key_size = 32);
  made->handle = malloc(made->handle_size = 32);
  /* ssh-keygen wants some of each. */
  made->signature = calloc(made->signature_size = 1, 1);
  made->certificate = calloc(made->certificate_size = 1, 1);
  made->authenticator_data = calloc(made->authenticator_data_size = 1, 1);
  if (!EVP_PKEY_get_raw_public_key(key, made->public_key, &made->public_key_size)) return FAILED;
  if (!EVP_PKEY_get_raw_private_key(key, made->handle, &made->handle_size)) return FAILED;
  *result = made;
  return 0;
}

/* What is signed, by OpenSSH's PROTOCOL.u2f: the hash of the application, flags, a counter, the hash of the data. */
int sk_sign(uint32_t kind, const uint8_t *data, size_t size, const char *application, const uint8_t *handle,
            size_t handle_size, uint8_t flags, const char *pin, void **options, struct signed_by **result) {
  (void)pin, (void)options;
  uint8_t message[32 + 1 + 4 + 32] = {0};
  struct signed_by *made = calloc(1, sizeof *made);
  EVP_MD_CTX *context = EVP_MD_CTX_new();
  EVP_PKEY *key = kind == ED25519 ? EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, handle, handle_size) : NULL;
  if (!made || !context || !key) return NO_SUCH_KEY;
  made->flags = message[32] = flags;
  made->counter = message[36] = 1;
  made->r = malloc(made->r_size = 64);
  EVP_Digest(application, strlen(application), message, NULL, EVP_sha256(), NULL);
  EVP_Digest(data, size, message + 37, NULL, EVP_sha256(), NULL);
  if (EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1) return FAILED;
  if (EVP_DigestSign(context, made->r, &made->r_size, message, sizeof message) != 1) return FAILED;
  *result = made;
  return 0;
}

int sk_load_resident_keys(const char *pin, void **options, void ***keys, size_t *count) {
  (void)pin, (void)options;
  *keys = NULL;
  *count = 0;
  return 0;
}
